//! What charts contain, honest and hostile ones.

use serde_json::{Value, json};

/// The same with these fields as well, or in place of its own.
fn with(mut base: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().into_iter().flatten() {
        base[key] = value.clone();
    }
    base
}

pub(super) fn pods(image: &str, more: &Value) -> Value {
    let spec = json!({
        "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
        "containers": [{ "name": "app", "image": image,
            "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } } }],
    });
    json!({ "metadata": { "labels": { "app": "x" } }, "spec": with(spec, more) })
}

fn deployment(template: &Value) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment",
        "spec": { "selector": { "matchLabels": { "app": "x" } }, "template": template } })
}

fn stateful_set(template: &Value, claim_template: &Value) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {
        "serviceName": "x", "selector": { "matchLabels": { "app": "x" } }, "template": template, "volumeClaimTemplates": [claim_template] } })
}

fn job(template: &Value) -> Value {
    let mut template = template.clone();
    template["spec"]["restartPolicy"] = json!("Never");
    json!({ "template": template })
}

fn cron_job(template: &Value, metadata: &Value) -> Value {
    json!({ "apiVersion": "batch/v1", "kind": "CronJob", "spec": {
        "schedule": "0 0 * * *", "jobTemplate": { "metadata": metadata, "spec": job(template) } } })
}

fn ingress(more: &Value, rules: &Value) -> Value {
    let spec = json!({ "ingressClassName": "traefik", "rules": rules });
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": with(spec, more) })
}

fn rule(host: &str) -> Value {
    json!({ "host": host, "http": { "paths": [{ "path": "/", "pathType": "Prefix",
        "backend": { "service": { "name": "x", "port": { "number": 80 } } } }] } })
}

fn claim(more: &Value) -> Value {
    let spec = json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } });
    with(spec, more)
}

fn persistent_volume_claim(more: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": claim(more) })
}

/// What charts of honest people contain.
pub(super) fn honest(image: &str, host: &str) -> Vec<Value> {
    let template = pods(
        image,
        &json!({
            "initContainers": [{ "name": "init", "image": format!("{image}@sha256:{}", "0".repeat(64)) }],
            "nodeSelector": { "kubernetes.io/os": "linux" },
            "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
                { "matchExpressions": [{ "key": "kubernetes.io/arch", "operator": "In", "values": ["amd64", "arm64"] }] }] } } },
            "terminationGracePeriodSeconds": 60, "tolerations": [], "schedulerName": "default-scheduler", "serviceAccountName": "app",
            "volumes": [
                { "name": "config", "configMap": { "name": "x" } }, { "name": "secret", "secret": { "secretName": "x" } },
                { "name": "empty", "emptyDir": {} }, { "name": "data", "persistentVolumeClaim": { "claimName": "x" } },
                { "name": "scratch", "ephemeral": { "volumeClaimTemplate": { "spec": claim(&json!({})) } } },
            ],
        }),
    );
    let mut noted = template.clone();
    noted["metadata"]["annotations"] = json!({ "checksum/config": "1", "example.com/allowed": "x" });
    let data = json!({ "metadata": { "name": "data" }, "spec": claim(&json!({})) });
    vec![
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "annotations": { "helm.sh/hook": "pre-install" } } }),
        json!({ "apiVersion": "v1", "kind": "Secret" }),
        json!({ "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth", "stringData": { "username": "x" } }),
        json!({ "apiVersion": "v1", "kind": "Service", "spec": { "ports": [{ "port": 80 }] } }),
        json!({ "apiVersion": "v1", "kind": "Service", "spec": { "ports": [{ "port": 80 }], "clusterIP": "None" } }),
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "app" } }),
        persistent_volume_claim(&json!({})),
        deployment(&template),
        deployment(&noted),
        stateful_set(&template, &data),
        json!({ "apiVersion": "batch/v1", "kind": "Job", "spec": job(&template) }),
        cron_job(&template, &json!({ "labels": { "app": "x" } })),
        json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": {
            "maxReplicas": 2, "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "x" } } }),
        ingress(&json!({}), &json!([rule(host)])),
        ingress(&json!({ "tls": [{ "hosts": [host] }] }), &json!([rule(host)])),
    ]
}

/// What would reach beyond the preview, and what is said about it.
pub(super) type Hostile = Vec<(Value, &'static str)>;

pub(super) fn hostile_objects(image: &str) -> Hostile {
    let fine = pods(image, &json!({}));
    let secret = |kind: &str| json!({ "apiVersion": "v1", "kind": "Secret", "type": kind });
    let token = json!({ "metadata": { "annotations": { "kubernetes.io/service-account.name": "default" } } });
    vec![
        (
            json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": { "podSelector": {} } }),
            "networkpolicies",
        ),
        (
            json!({ "apiVersion": "v1", "kind": "Pod", "spec": fine["spec"] }),
            "no business with pods",
        ),
        (
            json!({ "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": [] }),
            "endpointslices",
        ),
        (
            json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit" } }),
            "rolebindings",
        ),
        (
            json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": { "minAvailable": 1 } }),
            "poddisruptionbudgets",
        ),
        (
            json!({ "apiVersion": "apps/v1", "kind": "DaemonSet", "spec": deployment(&fine)["spec"] }),
            "daemonsets",
        ),
        (
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "preview-release" } }),
            "preview-release is not for pods",
        ),
        (with(secret("kubernetes.io/service-account-token"), &token), "service-account"),
        (secret("example.com/other"), "Secret of the type example.com/other"),
        (persistent_volume_claim(&json!({ "volumeName": "anothers" })), "new, empty volumes"),
        (
            persistent_volume_claim(
                &json!({ "dataSource": { "kind": "PersistentVolumeClaim", "name": "x" } }),
            ),
            "new, empty volumes",
        ),
    ]
}

/// On the objects themselves, and in the templates that controllers copy it from.
pub(super) fn hostile_metadata(image: &str) -> Hostile {
    let fine = pods(image, &json!({}));
    let data = json!({ "spec": claim(&json!({})) });
    let mut cases = Vec::new();
    for (metadata, told) in [
        (json!({ "finalizers": ["example.com/hold"] }), "finalizers"),
        (json!({ "annotations": { "example.com/other": "x" } }), "annotation example.com/other"),
    ] {
        let labelled = with(metadata.clone(), &json!({ "labels": { "app": "x" } }));
        let named = with(metadata.clone(), &json!({ "name": "data" }));
        let template = with(fine.clone(), &json!({ "metadata": labelled }));
        cases.extend([
            (json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata }), told),
            (deployment(&template), told),
            (cron_job(&template, &json!({})), told),
            (cron_job(&fine, &metadata), told),
            (stateful_set(&fine, &with(data.clone(), &json!({ "metadata": named }))), told),
        ]);
    }
    let owner = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x" }]);
    cases.push((
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "ownerReferences": owner } }),
        "owners",
    ));
    cases
}

pub(super) fn hostile_pods(image: &str) -> Hostile {
    const PODS: &str = "of its pods";
    const NODES: &str = "by kubernetes.io/os and kubernetes.io/arch only";
    const IMAGES: &str = "previews do not run images from";
    const VOLUMES: &str = "can only mount";
    const CLAIMS: &str = "new, empty volumes";
    let of = |more: Value| deployment(&pods(image, &more));
    let volume = |volume: Value| of(json!({ "volumes": [with(volume, &json!({ "name": "x" }))] }));
    let container = |more: Value| {
        let container = with(json!({ "name": "app", "image": image }), &more);
        of(json!({ "containers": [container] }))
    };
    let scratch = |more: Value| json!({ "ephemeral": { "volumeClaimTemplate": { "spec": claim(&more) } } });
    let nodes = |affinity: Value| json!({ "affinity": { "nodeAffinity": affinity } });
    let from = |image: &str| deployment(&pods(image, &json!({})));
    let taken = json!({ "dataSource": { "kind": "PersistentVolumeClaim", "name": "x" } });
    vec![
        (from("docker.io/library/redis:7"), IMAGES),
        (from(&format!("{image}s:latest")), IMAGES),
        (from(&format!("{image}:5000/evil")), IMAGES),
        (cron_job(&pods("evil", &json!({})), &json!({})), IMAGES),
        (of(json!({ "initContainers": [{ "name": "init", "image": "evil" }] })), IMAGES),
        (of(json!({ "hostUsers": true })), PODS),
        (of(json!({ "nodeName": "control-plane" })), PODS),
        (of(json!({ "nodeSelector": { "pool": "production" } })), NODES),
        (
            of(nodes(json!({ "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
            { "matchFields": [{ "key": "metadata.name", "operator": "In", "values": ["control-plane"] }] }] } }))),
            NODES,
        ),
        (
            of(nodes(json!({ "preferredDuringSchedulingIgnoredDuringExecution": [{ "weight": 1,
            "preference": { "matchExpressions": [{ "key": "pool", "operator": "Exists" }] } }] }))),
            NODES,
        ),
        (of(json!({ "priorityClassName": "system-node-critical" })), PODS),
        (of(json!({ "resourceClaims": [{ "name": "gpu", "resourceClaimName": "x" }] })), PODS),
        (of(json!({ "runtimeClassName": "x" })), PODS),
        (of(json!({ "schedulerName": "x" })), PODS),
        (of(json!({ "tolerations": [{ "operator": "Exists" }] })), PODS),
        (of(json!({ "serviceAccountName": "preview-release" })), "preview-release is not for pods"),
        (of(json!({ "serviceAccount": "preview-release" })), "preview-release is not for pods"),
        (volume(json!({ "csi": { "driver": "nfs.csi.k8s.io" } })), VOLUMES),
        (volume(json!({ "image": { "reference": "evil" } })), VOLUMES),
        (volume(json!({ "hostPath": { "path": "/" } })), VOLUMES),
        (volume(scratch(json!({ "selector": {} }))), CLAIMS),
        (volume(scratch(json!({ "storageClassName": "" }))), CLAIMS),
        (
            volume(json!({ "projected": { "sources": [
                { "serviceAccountToken": { "path": "token", "audience": "vault" } }] } })),
            "no tokens for other audiences",
        ),
        (of(json!({ "terminationGracePeriodSeconds": 3600 })), "60 seconds to stop"),
        (
            container(json!({ "livenessProbe": { "httpGet": { "host": "192.0.2.1", "port": 80 } } })),
            "name no host",
        ),
        (
            container(
                json!({ "lifecycle": { "preStop": { "tcpSocket": { "host": "192.0.2.1", "port": 80 } } } }),
            ),
            "name no host",
        ),
        (
            container(json!({ "resources": { "limits": { "example.com/gpu": "1" } } })),
            "can only ask for",
        ),
        (volume(scratch(taken.clone())), CLAIMS),
        (
            stateful_set(
                &pods(image, &json!({})),
                &json!({ "metadata": { "name": "data" }, "spec": claim(&taken) }),
            ),
            CLAIMS,
        ),
    ]
}

pub(super) fn hostile_addresses(host: &str) -> Hostile {
    let service = |spec: Value| json!({ "apiVersion": "v1", "kind": "Service", "spec": spec });
    let backend = &rule(host)["http"]["paths"][0]["backend"];
    let own = json!([rule(host)]);
    vec![
        (
            ingress(&json!({ "tls": [{ "hosts": [host], "secretName": "x" }] }), &own),
            "no secretName",
        ),
        (
            ingress(
                &json!({}),
                &json!([with(
                    rule(host),
                    &json!({ "http": { "paths": [{
                "path": "/x`) || Host(`www.example.com", "pathType": "ImplementationSpecific", "backend": backend }] } })
                )]),
            ),
            "a path of an Ingress",
        ),
        (
            service(json!({ "type": "ExternalName", "externalName": "kubernetes.default.svc" })),
            "ClusterIP",
        ),
        (service(json!({ "type": "NodePort", "ports": [{ "port": 80 }] })), "ClusterIP"),
        (service(json!({ "ports": [{ "port": 80 }], "externalIPs": ["192.0.2.1"] })), "ClusterIP"),
        (
            ingress(
                &json!({}),
                &json!([{ "host": host, "http": { "paths": [{ "path": "/", "pathType": "Prefix", "backend": {
                    "resource": { "apiGroup": "example.com", "kind": "Bucket", "name": "x" } } }] } }]),
            ),
            "leads to Services only",
        ),
        (
            ingress(&json!({}), &json!([rule(host), rule("www.example.com")])),
            "not for www.example.com",
        ),
        (ingress(&json!({}), &json!([{ "http": rule(host)["http"] }])), "not for *"),
        (ingress(&json!({ "defaultBackend": backend }), &own), "not for *"),
        (ingress(&json!({ "ingressClassName": "internal" }), &own), "of the class traefik"),
        (
            ingress(&json!({ "tls": [{ "hosts": ["www.example.com"] }] }), &own),
            "its tls names the host",
        ),
    ]
}
