#[cfg(feature = "endpoints")]
mod endpoints;
mod kinds;

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    let raw = raw::Raw::parse(text)?;
    Config::new(&raw).map_err(|error| error.to_string())
}

#[test]
fn what_the_chart_writes_is_read() {
    let text = r#"
hostRoot: /host
web: {enableStats: true}
server: {listen: ":9793"}
log: {level: info, format: text}
metrics: {exposeRelative: false, exposePerCertError: true, exposeNotBefore: true, trimPathComponents: 0}
cache: {filePoll: {interval: 30s}}
sources:
- {kind: file, name: host-files, paths: [/etc/kubernetes/pki/ca.crt], excludePaths: [], followSymlinks: true}
- {kind: kubeconfig, name: host-kubeconfigs, paths: [/etc/kubernetes/admin.conf], refreshInterval: 5m}
- kind: kubernetes
  name: kubernetes
  namespaces: {include: [], exclude: [kube-*], includeLabels: [team=a]}
  secrets:
    exposeLabels: [app]
    types: [{type: kubernetes.io/tls, key: tls.crt}, {type: Opaque, keyPatterns: ['\.crt$']}]
"#;
    let config = parse(text).unwrap();
    assert_eq!(
        config.listen,
        Listen {
            host: String::new(),
            port: 9793
        }
    );
    let [
        SourceConfig::Files(files),
        SourceConfig::Kubeconfigs(kubeconfigs),
        SourceConfig::Objects(secrets),
    ] = config.sources.as_slice()
    else {
        panic!("{config:?}")
    };
    assert_eq!(files.root, PathBuf::from("/host"));
    assert_eq!(
        (files.interval.as_secs(), kubeconfigs.interval.as_secs()),
        (30, 300)
    );
    assert_eq!(secrets.wanted.len(), 2);
}

#[test]
fn the_inventory_is_answered_unless_that_is_switched_off() {
    let stats = |text: &str| {
        let sources = "sources:\n- {name: a, kind: file, paths: [/a]}\n";
        parse(&format!("{text}\n{sources}")).unwrap().stats
    };
    assert!(stats(""));
    assert!(!stats("web: {enableStats: false}"));
}

#[test]
fn private_keys_are_compared_where_that_is_asked_for() {
    let compared = |kind: &str| {
        let text = format!("sources:\n- {{name: a, {kind}}}\n");
        let config = parse(&text).unwrap();
        let of = |source: &SourceConfig| match source {
            SourceConfig::Files(options) | SourceConfig::Kubeconfigs(options) => {
                options.compare_keys
            }
            #[cfg(feature = "endpoints")]
            SourceConfig::Endpoints(_) => false,
            SourceConfig::Objects(_) => false,
        };
        config.sources.iter().map(of).collect::<Vec<_>>()
    };
    for (kind, sources) in [
        ("kind: file, paths: [/a]", 1),
        ("kind: kubeconfig, paths: [/a]", 1),
        ("kind: discovery", 2),
    ] {
        assert_eq!(compared(kind), vec![false; sources], "{kind}");
        let asked = format!("{kind}, comparePrivateKeys: true");
        assert_eq!(compared(&asked), vec![true; sources], "{kind}");
    }
}

#[test]
fn no_attribute_of_a_name_becomes_a_label_if_none_is_asked_for() {
    let asked = |fields| {
        format!(
            "metrics: {{exposeSubjectFields: {fields}, exposeIssuerFields: [CN]}}
sources: [{{kind: file, name: a, paths: [/a.pem]}}]"
        )
    };
    let config = parse(&asked("[none]")).unwrap();
    let kept = |fields: &[String]| FIELDS.map(|field| fields.iter().any(|kept| kept == field));
    assert_eq!(kept(&config.expose.subject_fields), [false; 6]);
    assert_eq!(
        kept(&config.expose.issuer_fields),
        [false, false, false, false, false, true]
    );
    assert!(parse(&asked("[CN, none]")).is_err());
}

#[test]
fn all_errors_are_told_at_once_each_with_its_key() {
    let text = "
server: {listen: here}
log: {level: loud, format: xml}
metrics: {exposeSubjectFields: [CN, X]}
cache: {filePoll: {interval: soon}}
sources:
- {kind: file, name: a, paths: [relative], formats: [zip], pkcs12: {passphraseKey: k}, jks: {passphraseFile: here}}
- {kind: file, name: a, paths: []}
- {kind: kubernetes, name: '', listPageSize: 0, rateLimit: {qps: -1}, secrets: {types: [{type: x}, {type: other, keyPatterns: ['(']}]}}
";
    let errors = parse(text).unwrap_err();
    for key in [
        "server.listen",
        "log.level",
        "log.format",
        "metrics.exposeSubjectFields",
        "cache.filePoll.interval",
        "sources[0].paths[0]",
        "sources[0].formats",
        "sources[0].pkcs12",
        "sources[0].jks.passphraseFile",
        "sources[1].name",
        "sources[1].paths",
        "sources[2].name",
        "sources[2].listPageSize",
        "sources[2].rateLimit.qps",
        "sources[2].secrets.types[0]",
        "sources[2].secrets.types[1].keyPatterns[0]",
    ] {
        assert!(
            errors
                .lines()
                .any(|line| line.starts_with(&format!("{key}: "))),
            "{key} in:\n{errors}"
        );
    }
    assert_eq!(errors.lines().count(), 16, "{errors}");
}

#[test]
fn files_are_opened_with_what_is_written_and_none_of_it_is_printed() {
    let text = "
sources:
- kind: file
  name: a
  paths: [/etc/keystores/*]
  formats: [pem, der, pkcs7, pkcs12, jks, crl]
  pkcs12: {passphrase: hunter2, tryEmptyPassphrase: true}
  jks: {passphraseFile: /run/passphrase}
";
    let raw = raw::Raw::parse(text).unwrap();
    let config = Config::new(&raw).unwrap();
    let [SourceConfig::Files(files)] = config.sources.as_slice() else {
        panic!("{config:?}")
    };
    let (pkcs12, jks) = (&files.keystores.pkcs12, &files.keystores.jks);
    assert_eq!(pkcs12.literal, Some("hunter2".into()));
    assert!(pkcs12.file.is_none() && pkcs12.try_empty);
    assert_eq!(jks.file, Some(PathBuf::from("/run/passphrase")));
    assert!(jks.literal.is_none() && !jks.try_empty);
    let printed = format!("{}{raw:?}{config:?}", raw.to_yaml());
    assert!(!printed.contains("hunter2"), "{printed}");
}

#[test]
fn an_unknown_key_is_refused_at_every_level() {
    for text in [
        "sourses: []",
        "server: {listn: x}",
        "sources: [{kind: file, name: a, paths: [/a], watchFile: b}]",
        "sources: [{kind: vault, name: a}]",
        "sources: [{kind: kubernetes, name: a, secrets: {types: [{type: a, keys: b}]}}]",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn labels_that_become_one_and_patterns_that_are_none_are_refused() {
    let text = "
sources:
- kind: kubernetes
  name: a
  namespaces: {exclude: ['{kube-*']}
  secrets: {exposeLabels: [a.b, a/b]}
";
    let errors = parse(text).unwrap_err();
    assert!(
        errors.contains("sources[0].secrets.exposeLabels: `a.b` and `a/b`"),
        "{errors}"
    );
    assert!(
        errors.contains("sources[0].namespaces.exclude[0]: "),
        "{errors}"
    );
}

#[test]
fn no_error_quotes_the_file() {
    for text in [
        "-----BEGIN PRIVATE KEY-----\nSECRET\n",
        "sources: SECRET",
        "log: {level: [SECRET]}",
    ] {
        let error = parse(text).unwrap_err();
        assert!(!error.contains("SECRET"), "{error}");
    }
}

#[test]
fn no_error_quotes_a_passphrase_in_the_wrong_place() {
    for (keys, expected) in [
        (
            "pkcs12: hunter2",
            "invalid type: string, expected struct Passphrases",
        ),
        (
            "pkcs12: {passphrase: 20202020}",
            "invalid type: integer, expected a string",
        ),
        (
            "jks: {tryEmptyPassphrase: 'hunter2, expected \"x\"'}",
            "invalid type: string, expected a boolean",
        ),
    ] {
        let text = format!("sources: [{{kind: file, name: a, paths: [/a], {keys}}}]");
        let error = parse(&text).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
        assert!(error.contains("at line 1"), "{error}");
        for secret in ["hunter2", "20202020"] {
            assert!(!error.contains(secret), "{error}");
        }
    }
}

#[test]
fn a_discovery_is_a_source_of_files_and_one_of_kubeconfigs() {
    let text = "
hostRoot: /host
sources:
- {kind: discovery, name: host, excludePaths: [super-admin.conf], refreshInterval: 5m}
";
    let config = parse(text).unwrap();
    let [
        SourceConfig::Files(files),
        SourceConfig::Kubeconfigs(kubeconfigs),
    ] = config.sources.as_slice()
    else {
        panic!("{config:?}")
    };
    for path in ["/etc/kubernetes/pki/*.crt", "/system/secrets/etcd/*.crt"] {
        assert!(files.paths.iter().any(|known| known == path), "{path}");
    }
    assert!(files.exclude.contains(&"super-admin.conf".to_owned()));
    assert_eq!(files.exclude, kubeconfigs.exclude);
    assert_eq!(
        (files.interval.as_secs(), kubeconfigs.interval.as_secs()),
        (300, 300)
    );
    assert!(files.follow_symlinks && kubeconfigs.follow_symlinks);
}

#[test]
fn a_discovery_of_nothing_known_is_refused_and_its_name_is_its_own() {
    let text = "
sources:
- {kind: file, name: host, paths: [/a]}
- {kind: discovery, name: host, distributions: [k3s, k4s]}
- {kind: discovery, name: other, distributions: []}
- {kind: discovery, name: third, excludePaths: ['{a'], paths: [/b]}
";
    let errors = parse(text).unwrap_err();
    assert!(errors.contains("unknown field `paths`"), "{errors}");
    let errors = parse(&text.replace(", paths: [/b]", "")).unwrap_err();
    for error in [
        "sources[1].name: `host` is taken",
        "sources[1].distributions: `k4s` is none of auto, ",
        "sources[2].distributions: there is no distribution",
        "sources[3].excludePaths[0]: ",
    ] {
        assert!(errors.contains(error), "{error} in:\n{errors}");
    }
    assert_eq!(errors.lines().count(), 4, "{errors}");
}

#[test]
fn nothing_to_watch_is_an_error() {
    assert!(
        parse("")
            .unwrap_err()
            .contains("sources: there is nothing to watch")
    );
}

#[test]
fn addresses_are_read_with_and_without_a_host() {
    for (text, host, port) in [
        (":9793", "", 9793),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("[::1]:80", "::1", 80),
    ] {
        assert_eq!(
            text.parse(),
            Ok(Listen {
                host: host.to_owned(),
                port
            })
        );
    }
    assert!("9793".parse::<Listen>().is_err());
}

#[test]
fn what_is_in_objects_is_read_with_all_its_keys_and_a_passphrase_is_printed_nowhere() {
    let text = r"
sources:
- kind: kubernetes
  name: member
  kubeconfig: /etc/member
  cluster: member-1
  secrets:
    comparePrivateKeys: true
    types:
    - {type: Opaque, key: store.p12, format: pkcs12, pkcs12: {passphrase: hunter2, passphraseKey: word, tryEmptyPassphrase: true}}
    - type: Opaque
      keyPatterns: ['\.jks$']
      format: jks
      jks: {passphraseFile: /run/word, passphraseSecretRef: {namespace: a, name: words, key: word}}
    - {type: cluster.x-k8s.io/secret, key: value, format: kubeconfig}
    - {type: Opaque, key: config, format: argocd, includeLabels: [argocd.argoproj.io/secret-type=cluster]}
  configMaps:
    includeLabels: [a=b]
    keyPatterns: ['^ca\.crt$']
    pkcs12: {passphraseSecretRef: {name: words, key: word}}
";
    let config = parse(text).unwrap();
    let [SourceConfig::Objects(secrets), SourceConfig::Objects(maps)] = config.sources.as_slice()
    else {
        panic!("{config:?}")
    };
    assert_eq!((secrets.kind, maps.kind), ("kubernetes", "configmap"));
    assert_eq!(secrets.options.cluster.as_deref(), Some("member-1"));
    assert_eq!(maps.options.labels.include, ["a=b"]);
    // The types without labels are one watch; that with a selection of its own is another.
    let watches: Vec<_> = secrets
        .wanted
        .iter()
        .map(|wanted| (&*wanted.fields, wanted.group, wanted.labels.include.len()))
        .collect();
    let expected = [
        ("type=Opaque", 0, 0),
        ("type=cluster.x-k8s.io/secret", 0, 0),
        ("type=Opaque", 1, 1),
    ];
    assert_eq!(watches, expected);
    let printed = raw::Raw::parse(text).unwrap().to_yaml();
    assert!(
        !printed.contains("hunter2") && printed.contains("passphraseKey: word"),
        "{printed}"
    );
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn what_is_wrong_about_keystores_is_told_with_its_key() {
    let text = "
sources:
- kind: kubernetes
  name: a
  secrets:
    types:
    - {type: Opaque, key: k, format: zip, pkcs12: {passphraseFile: word, passphraseSecretRef: {name: words}}}
  configMaps:
    keyPatterns: []
    jks: {passphraseKey: word}
";
    let error = parse(text).unwrap_err();
    for expected in [
        "sources[0].secrets.types[0].format: `zip` is none of",
        "sources[0].secrets.types[0].pkcs12.passphraseSecretRef: name and key must be there",
        "sources[0].secrets.types[0].pkcs12.passphraseFile: `word` is not absolute",
        "sources[0].configMaps.keyPatterns: there is no pattern",
        "sources[0].configMaps: passphraseKey belongs to Secrets",
    ] {
        assert!(error.contains(expected), "{expected} is not in {error}");
    }
}

#[test]
fn clusters_that_nothing_tells_apart_are_remarked_on() {
    let text = "
sources:
- {kind: kubernetes, name: own}
- {kind: cabundle, name: bundles}
- {kind: kubernetes, name: one, kubeconfig: /etc/one}
- {kind: kubernetes, name: two, kubeconfig: /etc/two, cluster: two}
- {kind: csr, name: three, kubeconfig: /etc/three, cluster: two}
";
    let config = parse(text).unwrap();
    assert_eq!(config.mixing(), [("own", "one"), ("two", "three")]);
}
