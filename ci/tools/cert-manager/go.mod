// cert-manager's module carries its CRDs in deploy/crds; nothing of it is built.
module x509-certificate-exporter/ci/tools/cert-manager

go 1.25.0

require (
	github.com/cert-manager/cert-manager v1.21.2
)
