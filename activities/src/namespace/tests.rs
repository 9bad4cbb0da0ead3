//! What an existing namespace means to a run that wants its name.

use domain::{CommentId, InstallationId, NameKey, Names, RunIdentity, Ttl};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Client;

use super::*;
use crate::{ApiServer, Instance};

fn request_of(run_id: &str) -> CreateNamespace {
    CreateNamespace {
        owner: RunIdentity {
            preview: "octo-org/hello-world#12:0123456789abcdef0123456789abcdef01234567"
                .parse()
                .expect("an id"),
            run_id: run_id.to_owned(),
        },
        comment: CommentId(7),
        installation: InstallationId(1),
        repository_id: None,
        requested_by: "mona".parse().expect("a login"),
        ttl: Ttl::DEFAULT,
        chart: None,
        limits: domain::preview::RepositoryLimits::default(),
        egress: Vec::new(),
        quota: domain::preview::RepositoryQuota::default(),
    }
}

fn cluster() -> Cluster {
    let nowhere = kube::Config::new("http://127.0.0.1:9/".parse().expect("a URI"));
    Cluster {
        client: Client::try_from(nowhere.clone()).expect("a client"),
        api_server: ApiServer::new(&nowhere, Client::try_from).expect("a client"),
        instance: instance_in("01a21419-ea9b-7c2b-94f3-28f6af75b493"),
        names: Names::new(
            NameKey::new(&"a key for tests: 3d8f0c71b2a94e65".into()).expect("a key"),
            "https://previews.example.com".parse().expect("a domain"),
        ),
    }
}

fn instance_in(temporal: &str) -> Instance {
    Instance {
        name: "default".parse().expect("an instance"),
        temporal: temporal.parse().expect("a namespace of Temporal"),
    }
}

#[tokio::test]
async fn a_namespace_is_found_again_removed_waited_for_or_left_alone() {
    let cluster = cluster();
    let made_by =
        |run_id: &str| claimed_namespace(&request_of(run_id), &cluster.instance, "preview-x".to_owned());
    let request = request_of("run-2");

    assert_eq!(existing(&made_by("run-2"), &request, &cluster), Existing::Ours);
    assert_eq!(existing(&made_by("run-1"), &request, &cluster), Existing::AnotherRuns);
    assert_eq!(existing(&Namespace::default(), &request, &cluster), Existing::Foreign);

    // Another installation of the same name, whose run may be alive: only its own Temporal knows.
    let neighbour = instance_in("01a21419-0000-7c2b-94f3-28f6af75b493");
    assert_eq!(
        existing(
            &claimed_namespace(&request_of("run-1"), &neighbour, cluster.names.namespace(&request.owner)),
            &request,
            &cluster
        ),
        Existing::Foreign
    );

    for run_id in ["run-1", "run-2"] {
        let mut terminating = made_by(run_id);
        terminating.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        assert_eq!(existing(&terminating, &request, &cluster), Existing::Terminating);
    }

    let mut anothers = made_by("run-2");
    let annotations = anothers.metadata.annotations.as_mut().expect("annotations");
    annotations.insert("preview.internal/workflow-id".to_owned(), "octo-org/other#1:…".to_owned());
    assert_eq!(existing(&anothers, &request, &cluster), Existing::Foreign);
}
