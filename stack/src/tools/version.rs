//! Reads versions: of a module in `go.mod`, and of a program in what it prints.

use semver::Version;

/// The version that a `go.mod` requires of `module`, for example `v1.36.3`.
pub(super) fn required(go_mod: &str, module: &str) -> Option<String> {
    go_mod.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word == "require");
        (words.next() == Some(module))
            .then(|| words.next())
            .flatten()
            .filter(|v| v.starts_with('v'))
            .map(str::to_owned)
    })
}

/// The first `1.2.3` or `v1.2.3` in `text`, which is what a program printed about itself.
pub(super) fn first(text: &str) -> Option<Version> {
    text.split(|c: char| c.is_whitespace() || c == ',')
        .find_map(|word| Version::parse(word.trim_start_matches('v')).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GO_MOD: &str = "module x\n\nreplace k8s.io/api => k8s.io/api v0.36.3\n\nrequire helm.sh/helm/v4 v4.3.1\n\nrequire (\n\tk8s.io/kubernetes v1.36.3 // indirect\n)\n";

    #[test]
    fn a_requirement_is_found_alone_and_in_a_block() {
        assert_eq!(required(GO_MOD, "helm.sh/helm/v4").as_deref(), Some("v4.3.1"));
        assert_eq!(required(GO_MOD, "k8s.io/kubernetes").as_deref(), Some("v1.36.3"));
    }

    #[test]
    fn a_replacement_or_a_longer_name_is_no_requirement() {
        assert_eq!(required(GO_MOD, "k8s.io/api"), None);
        assert_eq!(required(GO_MOD, "k8s.io/kube"), None);
    }

    #[test]
    fn versions_are_read_as_each_program_prints_them() {
        for (printed, version) in [
            ("temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)", "1.9.1"),
            ("Version:      3.7.15\nCodename: x\n", "3.7.15"),
            ("v4.3.1+gabcdef", "4.3.1+gabcdef"),
        ] {
            assert_eq!(first(printed), Version::parse(version).ok(), "{printed}");
        }
        assert_eq!(first("go version go1.26.8"), None);
        assert_eq!(first("nothing here"), None);
    }
}
