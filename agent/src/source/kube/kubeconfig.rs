//! The kubeconfig that says where an API server is and who asks. What it means is kube's to say; it is
//! read here, by way of JSON's values: YAML that is read straight into kube's types, of which there are
//! a dozen, takes 280 kB of code.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ::kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use serde::Deserialize;
use serde_json::Value;

use super::trouble::Trouble;
use crate::model::Reason;

/// What a kubeconfig says.
pub(super) async fn config(path: &Path) -> Result<Config, Trouble> {
    understood(&path.display().to_string(), read(path)?).await
}

/// What the kubeconfigs say that `KUBECONFIG` names, else the one in the home directory, as kubectl
/// has it. Nothing where there is none.
pub(super) async fn of_environment() -> Option<Result<Config, Trouble>> {
    let named = env::var_os("KUBECONFIG");
    let named = named.iter().flat_map(env::split_paths);
    let mut paths: Vec<PathBuf> = named.filter(|path| !path.as_os_str().is_empty()).collect();
    if paths.is_empty() {
        let usual = env::home_dir()?.join(".kube/config");
        if !usual.exists() {
            return None;
        }
        paths.push(usual);
    }
    let shown: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let shown = shown.join(", ");
    let merged = paths
        .iter()
        .try_fold(Kubeconfig::default(), |before, path| {
            let merged = before.merge(read(path)?);
            merged.map_err(|error| Trouble::kubeconfig(&shown, &error))
        });
    Some(match merged {
        Ok(kubeconfig) => understood(&shown, kubeconfig).await,
        Err(trouble) => Err(trouble),
    })
}

async fn understood(shown: &str, kubeconfig: Kubeconfig) -> Result<Config, Trouble> {
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    config.map_err(|error| Trouble::kubeconfig(shown, &error))
}

/// Of several documents in one file the first to say something counts.
fn read(path: &Path) -> Result<Kubeconfig, Trouble> {
    let shown = path.display().to_string();
    let unread = |error: io::Error| {
        let error = KubeconfigError::ReadConfig(error, path.to_owned());
        Trouble::kubeconfig(&shown, &error)
    };
    let bad = || {
        let detail = format!("kubeconfig {shown} is not a kubeconfig");
        Trouble::new(Reason::BadKubeconfig, detail)
    };
    let text = fs::read_to_string(path).map_err(unread)?;
    let documents = serde_saphyr::from_multiple::<Value>(&text).map_err(|_| bad())?;
    let mut merged = Kubeconfig::default();
    for document in documents {
        let mut kubeconfig = Kubeconfig::deserialize(document).map_err(|_| bad())?;
        resolve(&mut kubeconfig, path.parent().unwrap_or(Path::new("")));
        let both = merged.merge(kubeconfig);
        merged = both.map_err(|error| Trouble::kubeconfig(&shown, &error))?;
    }
    Ok(merged)
}

/// Paths in a kubeconfig begin in its own directory.
fn resolve(kubeconfig: &mut Kubeconfig, directory: &Path) {
    let clusters = kubeconfig.clusters.iter_mut();
    let authorities = clusters
        .filter_map(|named| named.cluster.as_mut())
        .map(|cluster| &mut cluster.certificate_authority);
    let users = kubeconfig.auth_infos.iter_mut();
    let credentials = users
        .filter_map(|named| named.auth_info.as_mut())
        .flat_map(|user| {
            [
                &mut user.client_certificate,
                &mut user.client_key,
                &mut user.token_file,
            ]
        });
    for path in authorities.chain(credentials).flatten() {
        if let Some(resolved) = directory.join(&*path).to_str() {
            resolved.clone_into(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
        apiVersion: v1\nkind: Config\ncurrent-context: one\n\
        clusters: [{name: c, cluster: {server: 'https://127.0.0.1:6443', certificate-authority: pki/ca.crt}}]\n\
        users: [{name: u, user: {client-certificate: /pki/u.crt, client-key: u.key, tokenFile: ../token}}]\n\
        contexts: [{name: one, context: {cluster: c, user: u}}]\n";

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn paths_begin_where_the_kubeconfig_is() {
        let (folder, path) = written(TEXT);
        let kubeconfig = read(&path).unwrap();
        let beside = |name: &str| Some(folder.path().join(name).to_str().unwrap().to_owned());
        let cluster = kubeconfig.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.certificate_authority, beside("pki/ca.crt"));
        let user = kubeconfig.auth_infos[0].auth_info.as_ref().unwrap();
        assert_eq!(user.client_certificate.as_deref(), Some("/pki/u.crt"));
        assert_eq!(user.client_key, beside("u.key"));
        assert_eq!(user.token_file, beside("../token"));
    }

    #[test]
    fn the_first_document_that_says_something_counts() {
        let (_folder, path) = written(&format!("{TEXT}---\ncurrent-context: two\n"));
        let kubeconfig = read(&path).unwrap();
        assert_eq!(kubeconfig.current_context.as_deref(), Some("one"));
        assert_eq!(kubeconfig.clusters.len(), 1);
    }

    #[test]
    fn what_is_none_is_told_without_a_word_of_it() {
        let (_folder, path) = written("users: [{name: u, user: {token: [hunter2]}}]\n");
        let trouble = read(&path).unwrap_err();
        assert_eq!(trouble.reason, Reason::BadKubeconfig);
        let expected = format!("kubeconfig {} is not a kubeconfig", path.display());
        assert_eq!(trouble.detail, expected);
        let missing = read(Path::new("/nowhere/config")).unwrap_err();
        assert_eq!(missing.reason, Reason::NotFound);
    }
}
