//! What the private key beside a certificate is called.

use std::path::{Path, PathBuf};

/// How the names of certificates end, and those of their keys.
const ENDINGS: [(&str, &[&str]); 4] = [
    (".crt", &[".key"]),
    (".cert", &[".key"]),
    (".cer", &[".key"]),
    (".pem", &[".key", "-key.pem"]),
];

/// The names that the key of a certificate of this name may have.
pub(crate) fn key_names(name: &str) -> Vec<String> {
    let named = ENDINGS.iter().filter_map(|(end, of_keys)| {
        let stem = name.strip_suffix(end)?;
        let names = of_keys.iter().map(move |end| format!("{stem}{end}"));
        (!stem.is_empty()).then_some(names)
    });
    named.flatten().collect()
}

/// The paths that the key of a certificate at this path may have.
pub(crate) fn key_paths(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str());
    let names = name.map(key_names).unwrap_or_default();
    names.iter().map(|name| path.with_file_name(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_looked_for_under_the_obvious_names_only() {
        for (name, expected) in [
            ("tls.crt", &["tls.key"][..]),
            ("a.b.cert", &["a.b.key"]),
            ("x.cer", &["x.key"]),
            ("x.pem", &["x.key", "x-key.pem"]),
            ("x.key", &[]),
            ("x", &[]),
            (".pem", &[]),
            ("x.CRT", &[]),
        ] {
            assert_eq!(key_names(name), expected, "{name}");
        }
        let path = Path::new("/etc/etcd/member.pem");
        let expected = ["/etc/etcd/member.key", "/etc/etcd/member-key.pem"];
        assert_eq!(key_paths(path), expected.map(PathBuf::from));
    }
}
