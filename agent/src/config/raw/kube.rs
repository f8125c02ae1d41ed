//! The sources that look into a cluster, as they are written.

use serde::{Deserialize, Serialize};

/// A source that reaches an API server: what all of them have, and its own.
macro_rules! sources {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })+) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize, Serialize)]
        #[serde(deny_unknown_fields, default, rename_all = "camelCase")]
        pub struct $name {
            /// The label `source_name`.
            pub name: String,
            /// Path of a kubeconfig; empty: the pod's own account, else `KUBECONFIG`.
            pub kubeconfig: String,
            /// The label `cluster`; empty: none.
            pub cluster: String,
            /// Objects asked for at once where the server does not stream lists.
            pub list_page_size: PageSize,
            /// Bounds on requests.
            pub rate_limit: RateLimit,
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $name {
            /// What it has in common with the others.
            pub fn access(&self) -> Access<'_> {
                Access {
                    name: &self.name,
                    kubeconfig: &self.kubeconfig,
                    cluster: &self.cluster,
                    list_page_size: self.list_page_size.0,
                    rate_limit: &self.rate_limit,
                }
            }
        }
    )+ };
}

sources! {
    /// `kind: kubernetes`.
    Kubernetes {
        /// Which namespaces.
        namespaces: Namespaces,
        /// Which Secrets; nothing, where `configMaps` is there: none.
        secrets: Option<Secrets>,
        /// Which ConfigMaps; nothing: none.
        config_maps: Option<ConfigMaps>,
    }
    /// `kind: cabundle`.
    Cabundle {
        /// Which objects.
        cabundles: Cabundles,
    }
    /// `kind: csr`.
    Csr {
        /// Patterns of names; empty: all.
        include: Vec<String>,
        /// Patterns of names left out.
        exclude: Vec<String>,
        /// `key` or `key=value`, all of them.
        include_labels: Vec<String>,
        /// `key` or `key=value`, none of them.
        exclude_labels: Vec<String>,
        /// Labels copied to `csr_label_*`.
        expose_labels: Vec<String>,
        /// Patterns of `spec.signerName`; empty: all.
        signers: Vec<String>,
    }
    /// `kind: certificaterequest`.
    CertificateRequest {
        /// Which namespaces.
        namespaces: Namespaces,
        /// Patterns of names; empty: all.
        include: Vec<String>,
        /// Patterns of names left out.
        exclude: Vec<String>,
        /// `key` or `key=value`, all of them.
        include_labels: Vec<String>,
        /// `key` or `key=value`, none of them.
        exclude_labels: Vec<String>,
        /// Labels copied to `certificaterequest_label_*`.
        expose_labels: Vec<String>,
    }
    /// `kind: kubesphere`.
    Kubesphere {
        /// Patterns of names; empty: all.
        include: Vec<String>,
        /// Patterns of names left out.
        exclude: Vec<String>,
        /// `key` or `key=value`, all of them.
        include_labels: Vec<String>,
        /// `key` or `key=value`, none of them.
        exclude_labels: Vec<String>,
        /// Labels copied to `kubesphere_cluster_label_*`.
        expose_labels: Vec<String>,
    }
}

/// What all of these sources have.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// The label `source_name`.
    pub name: &'a str,
    /// Path of a kubeconfig.
    pub kubeconfig: &'a str,
    /// The label `cluster`.
    pub cluster: &'a str,
    /// Objects in a page.
    pub list_page_size: u32,
    /// Bounds on requests.
    pub rate_limit: &'a RateLimit,
}

/// `listPageSize`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct PageSize(pub u32);

/// `rateLimit`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct RateLimit {
    /// Requests a second; 0: no bound.
    pub qps: f64,
    /// Requests at once.
    pub burst: u32,
}

/// `namespaces`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Namespaces {
    /// Patterns of names; empty: all.
    pub include: Vec<String>,
    /// Patterns of names left out.
    pub exclude: Vec<String>,
    /// `key` or `key=value`, all of them.
    pub include_labels: Vec<String>,
    /// `key` or `key=value`, none of them.
    pub exclude_labels: Vec<String>,
}

/// `secrets`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Secrets {
    /// Patterns of names; empty: all.
    pub include: Vec<String>,
    /// Patterns of names left out.
    pub exclude: Vec<String>,
    /// `key` or `key=value`, all of them.
    pub include_labels: Vec<String>,
    /// `key` or `key=value`, none of them.
    pub exclude_labels: Vec<String>,
    /// Labels copied to `secret_label_*`.
    pub expose_labels: Vec<String>,
    /// Whether `tls.key` is compared with the certificate beside it.
    pub compare_private_keys: bool,
    /// Which keys of which types.
    pub types: Vec<SecretType>,
}

/// One of `secrets.types`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct SecretType {
    /// Type of the Secret.
    #[serde(rename = "type")]
    pub type_: String,
    /// One key, literally.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Regular expressions of keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_patterns: Vec<String>,
    /// What to expect there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// `key` or `key=value`, all of them, for this type alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include_labels: Vec<String>,
    /// `key` or `key=value`, none of them, for this type alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_labels: Vec<String>,
    /// What opens a PKCS#12 there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkcs12: Option<Passphrases>,
    /// What a JKS or JCEKS there is checked with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jks: Option<Passphrases>,
}

/// `configMaps`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct ConfigMaps {
    /// Patterns of names; empty: all.
    pub include: Vec<String>,
    /// Patterns of names left out.
    pub exclude: Vec<String>,
    /// `key` or `key=value`, all of them.
    pub include_labels: Vec<String>,
    /// `key` or `key=value`, none of them.
    pub exclude_labels: Vec<String>,
    /// Labels copied to `configmap_label_*`.
    pub expose_labels: Vec<String>,
    /// Regular expressions of keys.
    pub key_patterns: Vec<String>,
    /// What to expect there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// What opens a PKCS#12 there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkcs12: Option<Passphrases>,
    /// What a JKS or JCEKS there is checked with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jks: Option<Passphrases>,
}

/// Where passphrases come from; all of them are tried.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Passphrases {
    /// The passphrase itself. Never shown again.
    #[serde(skip_serializing)]
    pub passphrase: String,
    /// Key of the same Secret.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub passphrase_key: String,
    /// File that holds it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub passphrase_file: String,
    /// Another Secret that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passphrase_secret_ref: Option<SecretRef>,
    /// Whether the empty one is tried.
    pub try_empty_passphrase: bool,
}

/// `passphraseSecretRef`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct SecretRef {
    /// Its namespace; empty: that of the keystore.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The key in its data.
    pub key: String,
}

/// `cabundles`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Cabundles {
    /// Which kinds.
    pub resources: CabundleResources,
    /// Patterns of names; empty: all.
    pub include: Vec<String>,
    /// Patterns of names left out.
    pub exclude: Vec<String>,
    /// `key` or `key=value`, all of them.
    pub include_labels: Vec<String>,
    /// `key` or `key=value`, none of them.
    pub exclude_labels: Vec<String>,
    /// Labels copied to `cabundle_label_*`.
    pub expose_labels: Vec<String>,
}

/// `cabundles.resources`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the peer's file"
)]
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct CabundleResources {
    /// `MutatingWebhookConfigurations`.
    pub mutating: bool,
    /// `ValidatingWebhookConfigurations`.
    pub validating: bool,
    /// `APIServices`.
    pub apiservice: bool,
    /// Conversion webhooks of CustomResourceDefinitions.
    pub crd_conversion: bool,
}

impl Kubernetes {
    /// The Secrets that are meant: those for TLS where nothing is said.
    pub fn secrets(&self) -> Option<Secrets> {
        match (&self.secrets, &self.config_maps) {
            (Some(secrets), _) => Some(secrets.clone()),
            (None, Some(_)) => None,
            (None, None) => Some(Secrets::default()),
        }
    }
}

impl std::fmt::Debug for Passphrases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passphrases").finish_non_exhaustive()
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(50)
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            include_labels: Vec::new(),
            exclude_labels: Vec::new(),
            expose_labels: Vec::new(),
            compare_private_keys: false,
            types: vec![SecretType {
                type_: "kubernetes.io/tls".to_owned(),
                key: Some("tls.crt".to_owned()),
                ..SecretType::default()
            }],
        }
    }
}

impl Default for CabundleResources {
    fn default() -> Self {
        Self {
            mutating: true,
            validating: true,
            apiservice: false,
            crd_conversion: false,
        }
    }
}
