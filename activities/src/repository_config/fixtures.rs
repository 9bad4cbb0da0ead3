//! What tests take for a service's bounds.

use domain::preview::Capacity;

use super::Bounds;
use crate::{
    namespace::Destinations,
    release::{Charts, Images},
};

pub(crate) fn bounds() -> Bounds {
    let ttl = |text: &str| text.parse().expect("a duration");
    Bounds {
        ttl: ttl("30m"),
        max_lifetime: ttl("1d"),
        charts: Charts::new(
            concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/hello-world-app"),
            None,
            ["oci://registry.example.com/charts", "https://charts.example.com"]
                .map(|text| text.parse().expect("a prefix"))
                .into(),
        )
        .expect("charts"),
        images: Images::new(
            "registry.example.com/{owner}/{repo}:{commit}".parse().expect("a template"),
            vec![],
        ),
        deployments: true,
        capacity: Capacity {
            in_all: 100,
            per_owner: 100,
            per_repository: 50,
            per_person: 10,
        },
        starts_per_hour: 30,
        quota_max: "pods=20,cpu=8,memory=8Gi,storage=20Gi".parse().expect("a quota"),
        destinations: Destinations::new(vec!["web=internet:443".parse().expect("a destination")]),
        readiness_timeout: ttl("15m"),
    }
}
