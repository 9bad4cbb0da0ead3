//! Nothing of the stack is to be reached from another machine, and nothing in a preview reaches one.

use std::net::IpAddr;

use tests::{OsProcess, Setting, converse};

#[test]
fn the_stack_is_reached_on_the_loopback_interface_only() {
    converse(Setting::default(), async |chat| {
        let listeners = OsProcess::this().listeners(&OsProcess::of_stack(&chat.stack.folder)?)?;
        assert!(listeners.len() >= 6, "its ports are published: {listeners:?}");
        assert!(listeners.iter().all(IpAddr::is_loopback), "{listeners:?}");
        Ok(())
    });
}

#[test]
fn the_network_of_the_stack_leads_nowhere_else() {
    converse(Setting::default(), async |chat| {
        let kubelet = OsProcess::kubelet(&chat.stack.folder)?;
        let listeners = kubelet.listeners(&OsProcess::of_stack(&chat.stack.folder)?)?;
        assert!(listeners.len() > 10, "this is where its parts listen: {listeners:?}");

        let devices = kubelet.text("net/dev");
        let names = devices.lines().skip(2).filter_map(|line| line.split(':').next());
        let others: Vec<_> = names
            .map(str::trim)
            .filter(|name| *name != "lo" && *name != "pods0" && !name.starts_with("veth"))
            .collect();
        assert!(others.is_empty(), "only pods are on this network: {others:?}");
        has_no_default_route(&kubelet);
        Ok(())
    });
}

#[test]
fn a_preview_has_no_way_off_the_machine() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let preview = pull.previewed().await?;

        let app = OsProcess::of_pod(&preview.pod().await?)?;
        has_no_default_route(&app);
        assert!(
            !app.text("net/ipv6_route")
                .lines()
                .any(|row| row.starts_with(&"0".repeat(32)) && !row.ends_with("lo")),
            "nor one for IPv6"
        );
        preview.stop().await
    });
}

fn has_no_default_route(process: &OsProcess) {
    let routes = process.routes();
    assert!(!routes.is_empty(), "it has a network");
    assert!(!routes.contains(&"00000000".to_owned()), "{routes:?}");
}
