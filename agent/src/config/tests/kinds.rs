//! The sources that look at objects of one purpose each.

use super::*;
use crate::source::objects::{Options, Plan};

fn plans(text: &str) -> Vec<Plan> {
    let config = parse(text).unwrap();
    let plans = config.sources.into_iter().map(|source| match source {
        SourceConfig::Objects(plan) => plan,
        other => panic!("{other:?}"),
    });
    plans.collect()
}

/// The resources that a plan wants.
fn resources(plan: &Plan) -> Vec<&str> {
    let wanted = plan.wanted.iter();
    wanted.map(|wanted| wanted.resource).collect()
}

#[test]
fn each_kind_becomes_a_plan_with_what_was_said_of_it() {
    let common = "
  kubeconfig: /etc/far.conf
  cluster: far
  rateLimit: {qps: 5, burst: 10}
  listPageSize: 20";
    let lists = "{include: [a*], exclude: [ab], includeLabels: [x], excludeLabels: [y=z], exposeLabels: [app]}";
    let inline = &lists[1..lists.len() - 1].replace("], ", "]\n  ");
    let text = format!(
        "sources:
- kind: cabundle
  name: trust{common}
  cabundles:
    resources: {{mutating: false, apiservice: true}}
    {}
- kind: csr
  name: nodes{common}
  signers: [kubernetes.io/*, a.b/c]
  {inline}
- kind: certificaterequest
  name: issued{common}
  namespaces: {{include: [web], excludeLabels: [private]}}
  {inline}
- kind: kubesphere
  name: members{common}
  {inline}
",
        inline.replace("\n  ", "\n    ")
    );
    let plans = plans(&text);
    let kinds: Vec<_> = plans.iter().map(|plan| plan.kind).collect();
    assert_eq!(
        kinds,
        ["cabundle", "csr", "certificaterequest", "kubesphere"]
    );
    let names: Vec<_> = plans.iter().map(|plan| &*plan.options.name).collect();
    assert_eq!(names, ["trust", "nodes", "issued", "members"]);
    let trusted = ["validatingwebhookconfigurations", "apiservices"];
    assert_eq!(resources(&plans[0]), trusted);
    for plan in &plans {
        let Options {
            cluster,
            settings,
            names,
            labels,
            expose_labels,
            ..
        } = &plan.options;
        assert_eq!(cluster.as_deref(), Some("far"));
        assert_eq!(settings.kubeconfig, Some(PathBuf::from("/etc/far.conf")));
        assert_eq!((settings.page_size, settings.burst), (20, 10));
        assert_eq!(
            (&*names.include, &*names.exclude),
            (&["a*".to_owned()][..], &["ab".to_owned()][..])
        );
        assert_eq!(
            (&*labels.include, &*labels.exclude),
            (&["x".to_owned()][..], &["y=z".to_owned()][..])
        );
        assert_eq!(*expose_labels, ["app"]);
    }
    let requests = &plans[2].options;
    assert_eq!(requests.namespaces.include, ["web"]);
    assert_eq!(requests.namespace_labels.exclude, ["private"]);
    let signers = format!("{:?}", plans[1].wanted[0].reader);
    assert!(
        signers.contains(r#"["kubernetes.io/*", "a.b/c"]"#),
        "{signers}"
    );
}

#[test]
fn a_name_is_all_that_a_source_needs() {
    let plans = plans(
        "sources: [{kind: cabundle, name: a}, {kind: csr, name: a}, {kind: certificaterequest, name: a}, {kind: kubesphere, name: a}]",
    );
    let trusted = [
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
    ];
    assert_eq!(resources(&plans[0]), trusted);
    assert!(plans.iter().all(|plan| plan.options.cluster.is_none()));
}

#[test]
fn errors_of_every_kind_are_told_at_once_each_with_its_key() {
    let text = "
sources:
- kind: cabundle
  name: a
  rateLimit: {qps: -1}
  cabundles:
    resources: {mutating: false, validating: false}
    include: ['{a']
    exposeLabels: [a.b, a/b]
- {kind: csr, name: a, listPageSize: 0, signers: ['[a'], exclude: ['{a']}
- {kind: csr, name: a}
- {kind: certificaterequest, name: '', namespaces: {include: ['{a']}, exposeLabels: [a.b, a/b]}
- {kind: kubesphere, name: b, include: [ok, '{a'], listPageSize: 2000}
";
    let errors = parse(text).unwrap_err();
    let expected = [
        "sources[0].rateLimit.qps: ",
        "sources[0].cabundles.exposeLabels: ",
        "sources[0].cabundles.include[0]: ",
        "sources[0].cabundles.resources: there is nothing to watch",
        "sources[1].listPageSize: ",
        "sources[1].exclude[0]: ",
        "sources[1].signers[0]: ",
        "sources[2].name: `a` is taken",
        "sources[3].name: a source needs a name",
        "sources[3].exposeLabels: ",
        "sources[3].namespaces.include[0]: ",
        "sources[4].listPageSize: ",
        "sources[4].include[1]: ",
    ];
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{errors}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{expected} in:\n{errors}");
    }
}

#[test]
fn a_key_of_another_kind_is_refused() {
    for text in [
        "{kind: cabundle, name: a, include: [b]}",
        "{kind: cabundle, name: a, cabundles: {resources: {mutation: true}}}",
        "{kind: csr, name: a, namespaces: {}}",
        "{kind: certificaterequest, name: a, signers: []}",
        "{kind: kubesphere, name: a, secrets: {}}",
    ] {
        assert!(parse(&format!("sources: [{text}]")).is_err(), "{text}");
    }
}
