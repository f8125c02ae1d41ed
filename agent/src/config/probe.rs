//! `web.enableProbe`: whom `/probe` answers about.

use std::collections::HashMap;

use super::{Errors, SourceConfig, raw};
use crate::expose::probe::{MOST_OF_ADDRESS, MOST_OF_MODULE, Prober, Target};
use crate::source::endpoint::{self, Place, Protocol};

/// All targets that are named, by module and address; valid sources are as they are written.
pub(super) fn targets(
    raw: &raw::Raw,
    sources: &[SourceConfig],
    errors: &mut Errors,
) -> Vec<Target> {
    let written = raw.sources.iter().enumerate().filter_map(|(at, source)| {
        let raw::Source::Endpoint(source) = source else {
            return None;
        };
        Some((at, source))
    });
    let valid = sources.iter().enumerate().filter_map(|(id, source)| {
        let SourceConfig::Endpoints(options) = source else {
            return None;
        };
        (options.kind == "endpoint").then_some((id, options))
    });
    let mut targets = Vec::new();
    let mut keys = HashMap::new();
    for ((at, written), (id, options)) in written.zip(valid) {
        let pairs = written.targets.iter().zip(&options.targets);
        for (index, (written, valid)) in pairs.enumerate() {
            let at = format!("sources[{at}].targets[{index}]");
            let target = target(written, valid, id);
            if target.module.is_empty() || target.module.len() > MOST_OF_MODULE {
                errors.push(&format!("{at}.module"), "it is empty, or too long");
            }
            if target.address.len() > MOST_OF_ADDRESS {
                errors.push(&format!("{at}.address"), "it is too long to be asked about");
            }
            let key = (target.module.clone(), target.address.clone());
            if let Some(before) = keys.insert(key, at.clone()) {
                let error = format!("/probe cannot tell it from {before}: give one a `module`");
                errors.push(&at, error);
            }
            targets.push(target);
        }
    }
    targets
}

fn target(written: &raw::EndpointTarget, valid: &endpoint::Target, source: usize) -> Target {
    let (prober, module) = match valid.place {
        Place::File(_) => (Prober::HttpFile, "http_file".to_owned()),
        Place::Server(_, Protocol::Https) => (Prober::Https, "https".to_owned()),
        Place::Server(_, Protocol::Tls) => (Prober::Tcp, "tcp".to_owned()),
        Place::Server(..) => (Prober::Tcp, format!("{}_starttls", written.protocol)),
    };
    Target {
        address: written.address.as_str().into(),
        module: written.module.clone().unwrap_or(module).into(),
        prober,
        insecure: written.insecure_skip_verify,
        location: valid.location(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn parse(web: &str, targets: &str) -> Result<Config, String> {
        let text = format!(
            "web: {{{web}}}
sources:
- {{kind: file, name: f, paths: [/a]}}
- {{kind: served, name: s}}
- {{kind: endpoint, name: one, targets: [{{address: other}}]}}
- {{kind: endpoint, name: two, targets: [{targets}]}}
"
        );
        Config::new(&raw::Raw::parse(&text)?).map_err(|error| error.to_string())
    }

    fn probed(targets: &str) -> Result<Vec<Target>, String> {
        Ok(parse("enableProbe: true", targets)?.probe.unwrap())
    }

    #[test]
    fn each_named_target_is_asked_about_as_it_is_written() {
        let targets = "{address: 'A.example'}, {address: 'a:1', protocol: https},
            {address: 'mx:25', protocol: smtp, name: mail},
            {address: 'http://a/b.pem?c', protocol: http_file},
            {address: 'a:2', module: '', insecureSkipVerify: true}";
        let error = probed(targets).unwrap_err();
        assert_eq!(
            error,
            "sources[3].targets[4].module: it is empty, or too long"
        );
        let targets = probed(&targets.replace("''", "lax")).unwrap();
        let told: Vec<_> = targets
            .iter()
            .map(|one| {
                (
                    &*one.module,
                    &*one.address,
                    one.prober,
                    one.insecure,
                    one.source,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("tcp", "other", Prober::Tcp, false, 2),
                ("tcp", "A.example", Prober::Tcp, false, 3),
                ("https", "a:1", Prober::Https, false, 3),
                ("smtp_starttls", "mx:25", Prober::Tcp, false, 3),
                ("http_file", "http://a/b.pem?c", Prober::HttpFile, false, 3),
                ("lax", "a:2", Prober::Tcp, true, 3),
            ]
        );
        assert_eq!(targets[3].location.to_string(), "endpoint mail (mx:25)");
        assert_eq!(targets[4].location.to_string(), "endpoint http://a/b.pem");
    }

    #[test]
    fn two_that_a_probe_could_not_tell_apart_are_refused_where_there_is_one() {
        let alike = "{address: 'a:1'}, {address: 'a:1', name: b, serverName: b}";
        assert!(parse("", alike).unwrap().probe.is_none());
        assert_eq!(
            probed(alike).unwrap_err(),
            "sources[3].targets[1]: /probe cannot tell it from sources[3].targets[0]: give one a `module`"
        );
        let told = alike.replace("serverName", "module: c, serverName");
        assert_eq!(probed(&told).unwrap().len(), 3);
        assert!(probed("{address: other, name: again}").is_err());
    }

    #[test]
    fn what_is_wrong_with_a_source_is_told_first() {
        let error = probed("{address: 'a:b'}, {address: c, module: ''}").unwrap_err();
        assert!(!error.contains("module"), "{error}");
    }
}
