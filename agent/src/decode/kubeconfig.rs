//! Finds the certificates of a kubeconfig (YAML, or JSON, which is YAML).
//!
//! Comes in: the file's bytes. Goes out: one entry for each cluster and user that has a
//! certificate, with its bytes or the path where they are; that path is the caller's to read. A
//! kubeconfig holds client keys, tokens and passwords beside them: no type here has a field for
//! those, so they are skipped where they stand, and no message repeats what the parser saw. Client
//! keys alone are taken by who compares them, if asked to.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{DuplicateKeyPolicy, Error, Options};
use zeroize::Zeroizing;

use crate::model::{Entry, EntryKind, Problem, Reason};

/// A cluster or user that has a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeconfigEntry {
    /// Which one.
    pub entry: Entry,
    /// Its certificate, or the way there.
    pub content: Content,
}

/// What an entry says about its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The field is not what it should be.
    Bad(Problem),
    /// The decoded bytes of `certificate-authority-data` or `client-certificate-data`.
    Data(Vec<u8>),
    /// The path in `certificate-authority` or `client-certificate`, as written: a relative one
    /// starts from the kubeconfig's directory.
    Path(String),
}

/// The client key of a user, never printed and wiped when dropped, or the way there.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientKey {
    /// The decoded bytes of `client-key-data`.
    Data(Zeroizing<Vec<u8>>),
    /// The path in `client-key`, as written.
    Path(String),
}

/// Finds the entries that have a certificate: clusters first, then users, each in order. Those
/// without (tokens, exec plugins, the system's trust) are left out; of the same name, both stay.
pub fn entries(bytes: &[u8]) -> Result<Vec<KubeconfigEntry>, Problem> {
    let found = find::<IgnoredAny>(bytes)?;
    Ok(found.into_iter().map(|(entry, _)| entry).collect())
}

/// The same, with the client keys.
pub fn entries_with_keys(bytes: &[u8]) -> Result<Entries, Problem> {
    // A key that is no text must not cost the certificates.
    find::<Text>(bytes).or_else(|_| find::<IgnoredAny>(bytes))
}

/// Entries, and of each the client key that stands beside the certificate.
pub type Entries = Vec<(KubeconfigEntry, Option<ClientKey>)>;

fn find<K: Key>(bytes: &[u8]) -> Result<Entries, Problem> {
    if bytes.len() > MAX_BYTES {
        let detail = "the kubeconfig is larger than 4 MiB";
        return Err(Problem::new(Reason::TooLarge, detail));
    }
    let text = str::from_utf8(bytes)
        .map_err(|_| Problem::new(Reason::BadKubeconfig, "the kubeconfig is not UTF-8 text"))?;
    // kubectl reads the first document of a file; to look at the others too can only show more.
    let documents = serde_saphyr::from_multiple_with_options::<Kubeconfig<K>>(text, options())
        .map_err(|error| unreadable(&error))?;
    if !documents.iter().any(Kubeconfig::is_recognisable) {
        let detail = "the file has neither clusters nor users and does not say its kind";
        return Err(Problem::new(Reason::BadKubeconfig, detail));
    }
    Ok(documents
        .into_iter()
        .flat_map(Kubeconfig::into_entries)
        .collect())
}

/// Bytes of a kubeconfig. One with the CAs and certificates of 100 clusters has 1 MiB.
const MAX_BYTES: usize = 4 << 20;

/// Clusters and users of one kubeconfig that callers look at.
pub const MAX_ENTRIES: usize = 512;

/// Bytes of one base64 field: what encodes a block of the size that is decoded at most, and more.
const MAX_DATA: usize = 2 << 20;

/// Most characters of a name: it becomes a label.
const MAX_NAME: usize = 256;

/// A kubeconfig's certificates. Everything else is skipped by serde unread.
#[derive(Deserialize)]
struct Kubeconfig<K> {
    kind: Option<String>,
    clusters: Option<First<NamedCluster>>,
    users: Option<First<NamedUser<K>>>,
}

/// The first elements of a list; the others are skipped unread. A file may hold a hundred thousand.
struct First<T>(Vec<T>);

#[derive(Deserialize)]
struct NamedCluster {
    name: Option<String>,
    cluster: Option<Cluster>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser<K> {
    name: Option<String>,
    user: Option<User<K>>,
}

#[expect(clippy::struct_field_names, reason = "they are those of the file")]
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User<K> {
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
    client_key: Option<K>,
    client_key_data: Option<K>,
}

/// What is taken of the fields of a client key: nothing, or all.
trait Key: DeserializeOwned {
    fn find(data: Option<Self>, path: Option<Self>) -> Option<ClientKey>;
}

/// A text that is wiped.
struct Text(Zeroizing<String>);

/// Bounds for hostile YAML; a kubeconfig is a flat list and needs a hundredth of each.
fn options() -> Options {
    serde_saphyr::options! {
        // A snippet would quote the lines around an error, keys and tokens among them.
        with_snippet: false,
        // As Kubernetes' own YAML reader has it.
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
            max_alias_expansions_per_anchor: 1_000,
        },
        budget: serde_saphyr::budget! {
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: 10_000,
            max_recorded_anchor_bytes: MAX_BYTES,
            max_depth: 32,
            flow_nesting_limit: 32,
            max_documents: 16,
            // Each takes 300 bytes while it is read; so many clusters and users, and their contexts, need half.
            max_events: 80_000,
            max_nodes: 40_000,
            // What an alias repeats counts each time.
            max_total_scalar_bytes: MAX_BYTES + (1 << 20),
            max_merge_keys: 100,
        },
    }
}

/// Says what is wrong in words of our own: the parser's message may hold the text it met.
fn unreadable(error: &Error) -> Problem {
    let line = error
        .location()
        .map(|location| location.line())
        .filter(|&line| line > 0);
    let place = line.map_or(String::new(), |line| format!(" at line {line}"));
    let mut cause = error;
    while let Error::AliasError { error, .. } | Error::WithSnippet { error, .. } = cause {
        cause = error;
    }
    match cause {
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => Problem::new(
            Reason::TooLarge,
            format!("the YAML nests or repeats more than the agent reads{place}"),
        ),
        _ => Problem::new(
            Reason::BadKubeconfig,
            format!("the YAML cannot be read as a kubeconfig{place}"),
        ),
    }
}

// === impl Kubeconfig ===

impl<K: Key> Kubeconfig<K> {
    /// Some distributions keep a `KubeletConfiguration` where others have a kubeconfig: what says
    /// that it is something else is no broken kubeconfig, only one without entries.
    fn is_recognisable(&self) -> bool {
        self.clusters.is_some() || self.users.is_some() || self.kind.is_some()
    }

    fn into_entries(self) -> impl Iterator<Item = (KubeconfigEntry, Option<ClientKey>)> {
        let clusters = self.clusters.into_iter().flat_map(|First(all)| all);
        let clusters = clusters.filter_map(|named| {
            let cluster = named.cluster?;
            let entry = KubeconfigEntry::find(
                EntryKind::Cluster,
                named.name,
                cluster.certificate_authority_data,
                cluster.certificate_authority,
            )?;
            Some((entry, None))
        });
        let users = self.users.into_iter().flat_map(|First(all)| all);
        let users = users.filter_map(|named| {
            let user = named.user?;
            let entry = KubeconfigEntry::find(
                EntryKind::User,
                named.name,
                user.client_certificate_data,
                user.client_certificate,
            )?;
            Some((entry, K::find(user.client_key_data, user.client_key)))
        });
        clusters.chain(users)
    }
}

// === impl First ===

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FirstVisitor(PhantomData))
    }
}

struct FirstVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FirstVisitor<T> {
    type Value = First<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<First<T>, A::Error> {
        let mut first = Vec::new();
        // One more than callers look at, so that they know.
        while first.len() <= MAX_ENTRIES {
            match list.next_element()? {
                Some(element) => first.push(element),
                None => return Ok(First(first)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(First(first))
    }
}

// === impl KubeconfigEntry ===

impl KubeconfigEntry {
    /// Data wins over a path, and an empty value is none: as in client-go.
    fn find(
        kind: EntryKind,
        name: Option<String>,
        data: Option<String>,
        path: Option<String>,
    ) -> Option<Self> {
        let field = match kind {
            EntryKind::Cluster => "certificate-authority-data",
            EntryKind::User => "client-certificate-data",
        };
        let content = match (data, path) {
            (Some(data), _) if !data.is_empty() => Content::decode(field, &data),
            (_, Some(path)) if !path.is_empty() => Content::Path(path),
            _ => return None,
        };
        let clean = |c: char| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        };
        let name: String = name
            .unwrap_or_default()
            .chars()
            .take(MAX_NAME)
            .map(clean)
            .collect();
        let name = name.into();
        Some(Self {
            entry: Entry { kind, name },
            content,
        })
    }
}

// === impl Key ===

impl Key for IgnoredAny {
    fn find(_: Option<Self>, _: Option<Self>) -> Option<ClientKey> {
        None
    }
}

impl Key for Text {
    fn find(data: Option<Self>, path: Option<Self>) -> Option<ClientKey> {
        match (data, path) {
            (Some(Self(data)), _) if !data.is_empty() => {
                match Content::decode("client-key-data", &data) {
                    Content::Data(bytes) => Some(ClientKey::Data(Zeroizing::new(bytes))),
                    _ => None,
                }
            }
            (_, Some(Self(path))) if !path.is_empty() => Some(ClientKey::Path(path.to_string())),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey(_)")
    }
}

// === impl Content ===

impl Content {
    /// The content of a field that is base64; the field's name is for the problem.
    pub(super) fn decode(field: &str, data: &str) -> Self {
        let bad = |reason, what| Self::Bad(Problem::new(reason, format!("{field} is {what}")));
        if data.len() > MAX_DATA {
            return bad(Reason::TooLarge, "larger than 2 MiB");
        }
        // Block scalars and hand-made files have line breaks, and some tools leave out padding.
        let mut compact = Zeroizing::new(Vec::with_capacity(data.len()));
        compact.extend(data.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let config = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        match GeneralPurpose::new(&STANDARD, config).decode(&*compact) {
            Ok(bytes) => Self::Data(bytes),
            Err(_) => bad(Reason::BadBase64, "not base64"),
        }
    }
}

#[cfg(test)]
mod tests;
