//! Kubeconfigs: which certificates each cluster and user names. Keys, tokens and passwords are
//! never read into anything of ours, and no error quotes the file.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use crate::model::{Entry, EntryKind, Problem, Reason};

/// Most clusters and users of one kubeconfig.
const MAX_ENTRIES: usize = 10_000;

/// A cluster or user that names certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeconfigEntry {
    /// Which.
    pub entry: Entry,
    /// Where its certificates are.
    pub content: Content,
}

/// Where an entry's certificates are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In the kubeconfig: the decoded bytes.
    Data(Vec<u8>),
    /// In a file, relative to the kubeconfig's directory.
    Path(String),
    /// Nowhere to be found.
    Bad(Problem),
}

/// The entries that name certificates, in order; those without (tokens, plugins) are not told.
pub fn entries(bytes: &[u8]) -> Result<Vec<KubeconfigEntry>, Problem> {
    let bad = |detail: &'static str| Problem::new(Reason::BadKubeconfig, detail);
    let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not UTF-8"))?;
    // The reader's own message quotes the line, and that line can be a key.
    let file: Option<File> =
        serde_saphyr::from_str(text).map_err(|_| bad("it is not the YAML of a kubeconfig"))?;
    let file = file.unwrap_or_default();
    if file.clusters.is_none() && file.users.is_none() {
        return Err(bad("it has neither clusters nor users"));
    }
    let clusters = file.clusters.unwrap_or_default();
    let users = file.users.unwrap_or_default();
    if clusters.len() + users.len() > MAX_ENTRIES {
        return Err(Problem::new(
            Reason::TooMany,
            "it has more entries than are read from one",
        ));
    }
    let clusters = clusters.into_iter().map(|named| {
        let cluster = named.cluster.unwrap_or_default();
        (EntryKind::Cluster, named.name, cluster.data, cluster.path)
    });
    let users = users.into_iter().map(|named| {
        let user = named.user.unwrap_or_default();
        (EntryKind::User, named.name, user.data, user.path)
    });
    Ok(clusters
        .chain(users)
        .filter_map(|(kind, name, data, path)| {
            let entry = Entry {
                kind,
                name: name.unwrap_or_default().into(),
            };
            Some(KubeconfigEntry {
                entry,
                content: content(data, path)?,
            })
        })
        .collect())
}

/// Embedded data wins over a path, as in client-go.
fn content(data: Option<String>, path: Option<String>) -> Option<Content> {
    /// Padding may be left out.
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    if let Some(mut data) = data.filter(|data| !data.trim().is_empty()) {
        data.retain(|c| !c.is_ascii_whitespace());
        return Some(LENIENT.decode(data).map_or_else(
            |_| Content::Bad(Problem::new(Reason::BadBase64, "its data is not base64")),
            Content::Data,
        ));
    }
    path.filter(|path| !path.is_empty()).map(Content::Path)
}

#[derive(Default, Deserialize)]
struct File {
    clusters: Option<Vec<NamedCluster>>,
    users: Option<Vec<NamedUser>>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: Option<String>,
    cluster: Option<Cluster>,
}

#[derive(Default, Deserialize)]
struct Cluster {
    #[serde(rename = "certificate-authority-data")]
    data: Option<String>,
    #[serde(rename = "certificate-authority")]
    path: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: Option<String>,
    user: Option<User>,
}

#[derive(Default, Deserialize)]
struct User {
    #[serde(rename = "client-certificate-data")]
    data: Option<String>,
    #[serde(rename = "client-certificate")]
    path: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(EntryKind, String, Content)> {
        let entries = entries(text.as_bytes()).unwrap();
        entries
            .into_iter()
            .map(|e| (e.entry.kind, e.entry.name.to_string(), e.content))
            .collect()
    }

    #[test]
    fn embedded_data_wins_over_a_path_and_entries_without_certificates_are_not_told() {
        let text = "
apiVersion: v1
kind: Config
clusters:
- name: a
  cluster: {server: https://a, certificate-authority-data: aGVs bG8=, certificate-authority: ca.crt}
- name: b
  cluster: {server: https://b, certificate-authority: ca.crt}
- name: c
  cluster: {server: https://c, insecure-skip-tls-verify: true}
users:
- name: a
  user: {client-certificate-data: '%%%', client-key-data: c2VjcmV0}
- name: t
  user: {token: secret}
- name: p
  user: {exec: {command: aws, args: [eks]}}
";
        let expected = [
            (
                EntryKind::Cluster,
                "a".to_owned(),
                Content::Data(b"hello".to_vec()),
            ),
            (
                EntryKind::Cluster,
                "b".to_owned(),
                Content::Path("ca.crt".to_owned()),
            ),
            (
                EntryKind::User,
                "a".to_owned(),
                Content::Bad(Problem::new(Reason::BadBase64, "its data is not base64")),
            ),
        ];
        assert_eq!(names(text), expected);
    }

    #[test]
    fn json_is_yaml() {
        let text = r#"{"clusters":null,"users":[{"name":"u","user":{"client-certificate":"/x"}}]}"#;
        assert_eq!(
            names(text),
            [(
                EntryKind::User,
                "u".to_owned(),
                Content::Path("/x".to_owned())
            )]
        );
    }

    #[test]
    fn no_error_quotes_the_file() {
        for text in [
            "users: [{name: u, user: {client-certificate-data: [SECRET]}}]",
            "users: {SECRET",
            "SECRET",
            "a: SECRET",
            "",
        ] {
            let problem = entries(text.as_bytes()).unwrap_err();
            assert_eq!(problem.reason, Reason::BadKubeconfig, "{text}");
            assert!(!problem.to_string().contains("SECRET"), "{problem}");
        }
    }

    #[test]
    fn two_entries_of_one_name_are_both_told() {
        let text = "users: [{name: u, user: {client-certificate: a}}, {name: u, user: {client-certificate: b}}]";
        assert_eq!(names(text).len(), 2);
    }
}
