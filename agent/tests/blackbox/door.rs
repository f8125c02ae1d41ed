//! The port behind a web configuration file, as a scraper meets it.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, SanType};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

use x509_certificate_exporter::tls::Anybody;

use super::*;

/// `scrape me`, and `another`.
const HASH: &str = "$2b$04$2o/kxvDvklXAXUPT605ADOERDRZBu9EAso/EXIUzQyuhMrEvTZXwS";
const OTHER: &str = "$2b$04$rgKQ.kDvCdmf6G0Mw9T81.9FVNBxc01lpDi/FuXKvqMKggt361OdK";
/// `prometheus:scrape me`, and `prometheus:another`.
const RIGHT: &str = "Authorization: Basic cHJvbWV0aGV1czpzY3JhcGUgbWU=\r\n";
const WRONG: &str = "Authorization: Basic cHJvbWV0aGV1czphbm90aGVy\r\n";
const STRANGER: &str = "Authorization: Basic bm9ib2R5OnNjcmFwZSBtZQ==\r\n";

type Issuer = CertifiedIssuer<'static, KeyPair>;
/// A certificate and its key, as PEM.
type Identity = (String, String);

fn issuer(name: &str) -> Issuer {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issued(issuer: &Issuer, names: Vec<SanType>) -> Identity {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn dns(name: &str) -> Vec<SanType> {
    vec![SanType::DnsName(name.try_into().unwrap())]
}

/// A folder with the server's certificate, a client authority and a certificate to look at.
pub(super) struct House {
    pub(super) folder: TempDir,
    server: Issuer,
    clients: Issuer,
}

impl House {
    pub(super) fn new() -> Self {
        let this = Self {
            folder: TempDir::new().unwrap(),
            server: issuer("server CA"),
            clients: issuer("client CA"),
        };
        let (certificate, key) = issued(&this.server, dns("agent"));
        this.write("tls.crt", &certificate);
        this.write("tls.key", &key);
        this.write("clients.pem", &this.clients.pem());
        this.write("a.pem", &certificate);
        this
    }

    pub(super) fn write(&self, name: &str, text: &str) -> String {
        let path = path(&self.folder, name);
        // As a volume of Kubernetes has it: another file takes the name.
        fs::write(format!("{path}.new"), text).unwrap();
        fs::rename(format!("{path}.new"), &path).unwrap();
        path
    }

    fn agent(&self, web: &str) -> Agent {
        let web = self.write("web.yml", web);
        let file = path(&self.folder, "a.pem");
        Agent::start(&["-f", &file, "--web.config.file", &web])
    }

    /// What is answered over TLS, or why there is no answer.
    pub(super) fn ask(
        &self,
        agent: &Agent,
        who: Option<&Identity>,
        path: &str,
        headers: &str,
    ) -> Result<String, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.server.der().clone()).unwrap();
        let roots = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_webpki_verifier(roots.build().unwrap());
        let config = match who {
            Some((chain, key)) => {
                let chain = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![chain], key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        Self::speak(config, agent, path, headers)
    }

    /// The same of a server that shows any certificate, as `insecureSkipVerify` has it.
    pub(super) fn ask_anybody(agent: &Agent, path: &str, headers: &str) -> Result<String, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth();
        Self::speak(config, agent, path, headers)
    }

    fn speak(
        config: ClientConfig,
        agent: &Agent,
        path: &str,
        headers: &str,
    ) -> Result<String, String> {
        let name = ServerName::try_from("agent").unwrap();
        let mut tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut tcp = TcpStream::connect(&agent.address).unwrap();
        let mut stream = Stream::new(&mut tls, &mut tcp);
        let asked = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
        let mut answer = String::new();
        let done = stream
            .write_all(asked.as_bytes())
            .and_then(|()| stream.read_to_string(&mut answer));
        match done {
            Ok(_) => Ok(answer),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) fn scrape(&self, agent: &Agent, headers: &str) -> String {
        self.ask(agent, None, "/metrics", headers).unwrap()
    }
}

const TLS: &str = "tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n";

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[test]
fn a_password_lets_in_and_what_is_wrong_is_counted() {
    let house = House::new();
    let web = format!(
        "{TLS}basic_auth_users: {{prometheus: {HASH}}}
http_server_config: {{http2: true, headers: {{X-XSS-Protection: 1, Strict-Transport-Security: max-age=1}}}}
"
    );
    let agent = house.agent(&web);
    for path in ["/metrics", "/", "/api/v1/certificates", "/nowhere"] {
        let answer = house.ask(&agent, None, path, "").unwrap();
        assert_eq!(status(&answer), "401", "{path}");
        assert!(answer.contains("www-authenticate: Basic\r\n"), "{answer}");
        assert!(answer.contains("x-xss-protection: 1\r\n"), "{answer}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_ne!(status(&house.ask(&agent, None, path, "").unwrap()), "401");
    }
    for wrong in [
        WRONG,
        STRANGER,
        "Authorization: Basic !\r\n",
        "Authorization: Bearer a\r\n",
    ] {
        assert_eq!(status(&house.scrape(&agent, wrong)), "401", "{wrong}");
    }
    for _ in 0..2 {
        assert_eq!(status(&house.scrape(&agent, RIGHT)), "200");
    }
    let metrics = house.scrape(&agent, RIGHT);
    for counted in [
        "x509_web_refused_total{reason=\"no_credentials\"} 4\n",
        "x509_web_refused_total{reason=\"wrong_credentials\"} 4\n",
        "x509_web_refused_total{reason=\"tls\"} 0\n",
        "x509_web_config_last_reload_successful 1\n",
    ] {
        assert!(metrics.contains(counted), "{counted}{metrics}");
    }
    // Who speaks no TLS gets nothing, or finds the connection cut.
    let mut stream = TcpStream::connect(&agent.address).unwrap();
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    assert!(!answer.starts_with(b"HTTP"));
    assert!(house.scrape(&agent, RIGHT).contains("{reason=\"tls\"} 1\n"));
    // `ready` asks without a password, and trusts any certificate.
    let asked = run(&["ready", &format!("https://{}", agent.address)]);
    let said = String::from_utf8(asked.stdout).unwrap();
    assert_eq!(
        (asked.status.code(), said.starts_with("ready; ")),
        (Some(0), true),
        "{said}"
    );
    assert_eq!(agent.terminate(), Some(0));
}

#[test]
fn changed_files_count_without_a_restart_and_wrong_ones_do_not() {
    let house = House::new();
    let web = |hash: &str| format!("{TLS}basic_auth_users: {{prometheus: {hash}}}\n");
    let agent = house.agent(&web(HASH));
    let until = |headers: &str, what: &dyn Fn(&str) -> bool| {
        let begun = Instant::now();
        while !what(&house.scrape(&agent, headers)) {
            assert!(begun.elapsed() < DEADLINE, "waited in vain");
        }
    };
    until(RIGHT, &|answer| status(answer) == "200");
    house.write("web.yml", &web(OTHER));
    until(RIGHT, &|answer| status(answer) == "401");
    until(WRONG, &|answer| status(answer) == "200");
    for wrong in ["tls_server_config: {cert_file: tls.crt}\n", "nonsense"] {
        house.write("web.yml", wrong);
        until(WRONG, &|answer| answer.contains("reload_successful 0\n"));
    }
    assert_eq!(status(&house.scrape(&agent, "")), "401");
    house.write("web.yml", &web(HASH));
    until(RIGHT, &|answer| answer.contains("reload_successful 1\n"));
    // A renewed certificate: of another authority, so that it is seen.
    let other = issuer("another CA");
    let (certificate, key) = issued(&other, dns("agent"));
    house.write("tls.crt", &certificate);
    house.write("tls.key", &key);
    let begun = Instant::now();
    while house.ask(&agent, None, "/metrics", RIGHT).is_ok() {
        assert!(begun.elapsed() < DEADLINE, "waited in vain");
    }
}

#[test]
fn client_certificates_are_asked_for_as_go_has_it() {
    let house = House::new();
    let ours = issued(&house.clients, dns("prometheus"));
    let stranger = issued(&issuer("another CA"), dns("prometheus"));
    let policies = [
        // Who is let in: nobody known, one of the authority's, a stranger.
        ("NoClientCert", "", [true, true, true]),
        ("RequestClientCert", CLIENTS, [true, true, true]),
        ("RequireAnyClientCert", CLIENTS, [false, true, true]),
        ("RequireClientCert", "", [false, true, true]),
        ("VerifyClientCertIfGiven", CLIENTS, [true, true, false]),
        ("VerifyClientCertIfGiven", "", [true, false, false]),
        ("RequireAndVerifyClientCert", CLIENTS, [false, true, false]),
        ("RequireAndVerifyClientCert", SAN, [false, true, false]),
        (
            "RequireAndVerifyClientCert",
            OTHER_SAN,
            [false, false, false],
        ),
    ];
    for version in ["TLS12", "TLS13"] {
        for (policy, more, expected) in policies {
            let web = format!(
                "tls_server_config:
  cert_file: tls.crt
  key_file: tls.key
  min_version: {version}
  max_version: {version}
  client_auth_type: {policy}
{more}"
            );
            let agent = house.agent(&web);
            let let_in = [None, Some(&ours), Some(&stranger)]
                .map(|who| house.ask(&agent, who, "/metrics", "").is_ok());
            assert_eq!(let_in, expected, "{web}");
        }
    }
}

const CLIENTS: &str = "  client_ca_file: clients.pem\n";
const SAN: &str = "  client_ca_file: clients.pem\n  client_allowed_sans: [other, prometheus]\n";
const OTHER_SAN: &str = "  client_ca_file: clients.pem\n  client_allowed_sans: [other]\n";

#[test]
fn what_cannot_be_had_exactly_is_refused_by_its_key() {
    let house = House::new();
    let tls = "cert_file: tls.crt, key_file: tls.key";
    let refused = [
        (
            format!("tls_server_config: {{{tls}, cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]}}"),
            "tls_server_config.cipher_suites",
        ),
        (
            format!("tls_server_config: {{{tls}, curve_preferences: [CurveP521]}}"),
            "tls_server_config.curve_preferences",
        ),
        (
            format!("tls_server_config: {{{tls}, min_version: TLS10}}"),
            "tls_server_config.min_version",
        ),
        (
            format!("tls_server_config: {{{tls}, client_auth_type: any}}"),
            "tls_server_config.client_auth_type",
        ),
        (
            format!("tls_server_config: {{{tls}, client_ca_file: clients.pem}}"),
            "tls_server_config.client_auth_type",
        ),
        (
            format!("tls_server_config: {{{tls}, client_auth_type: RequireAndVerifyClientCert}}"),
            "tls_server_config.client_ca_file",
        ),
        (
            "tls_server_config: {min_version: TLS13}".to_owned(),
            "tls_server_config.cert_file",
        ),
        (
            "tls_server_config: {cert_file: tls.crt, key_file: gone}".to_owned(),
            "tls_server_config.key_file",
        ),
        (
            "tls_server_config: {cert_file: clients.pem, key_file: tls.key}".to_owned(),
            "tls_server_config.key_file",
        ),
        (
            "basic_auth_users: {prometheus: 's3cret'}".to_owned(),
            "basic_auth_users.prometheus",
        ),
        (
            format!(
                "basic_auth_users: {{prometheus: '{}'}}",
                HASH.replace("$04$", "$31$")
            ),
            "basic_auth_users.prometheus",
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: foo}}".to_owned(),
            "http_server_config.headers.X-Frame-Options",
        ),
        (
            "http_server_config: {headers: {Server: foo}}".to_owned(),
            "http_server_config.headers.Server",
        ),
        (
            "tls_server_config: {cert_filse: a}".to_owned(),
            "cert_filse",
        ),
        (
            "rate_limit: {interval: soon}".to_owned(),
            "rate_limit.interval",
        ),
    ];
    let file = path(&house.folder, "a.pem");
    for (web, key) in refused {
        let web_file = house.write("web.yml", &web);
        let output = run(&[
            "-f",
            &file,
            "-b",
            "127.0.0.1:0",
            "--web.config.file",
            &web_file,
        ]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{web}");
        assert!(said.contains(key), "{web}: {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn requests_beyond_the_limit_are_refused_and_probes_have_a_port_of_their_own() {
    let house = House::new();
    let web = house.write("web.yml", "rate_limit: {interval: 1h, burst: 2}\n");
    let file = path(&house.folder, "a.pem");
    // Of a network of its own, so that no test before or beside it has the port.
    let probes = &format!("127.{}.1.1:9794", std::process::id() % 250 + 1);
    let arguments = [
        "-f",
        &file,
        "--web.config.file",
        &web,
        "--probe.listen-address",
        probes,
    ];
    let agent = Agent::start(&arguments);
    let answers = [(); 3].map(|()| status(&agent.get("/metrics")).to_owned());
    assert_eq!(answers, ["200", "200", "429"]);
    assert_eq!(status(&agent.get("/healthz")), "200");
    let aside = Agent {
        child: Command::new("true").spawn().unwrap(),
        address: probes.to_owned(),
    };
    assert_eq!(status(&aside.get("/healthz")), "200");
    assert_eq!(status(&aside.get("/metrics")), "404");
}
