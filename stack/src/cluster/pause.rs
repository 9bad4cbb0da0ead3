//! Makes an image of the pause program, on a machine without any image tool.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

/// What the sandbox image is called; nothing listens at that registry, and nothing is ever pulled from it.
pub(super) const IMAGE: &str = "registry.preview.localhost/pause:1";

/// Writes an OCI archive with one layer that holds only `program`.
pub(super) fn write_archive(program: &Path, archive: &Path) -> io::Result<()> {
    let program = fs::read(program)?;
    let mut layer = Builder::new(Vec::new());
    append(&mut layer, "pause", &program, 0o755)?;
    let layer = layer.into_inner()?;
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": { "Entrypoint": ["/pause"], "User": "65535:65535" },
        "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
    })
    .to_string();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", config.as_bytes()),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
    })
    .to_string();
    let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes());
    entry["annotations"] = json!({ "io.containerd.image.name": IMAGE });
    let index = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string();

    let mut tar = Builder::new(fs::File::create(archive)?);
    append(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#, 0o644)?;
    append(&mut tar, "index.json", index.as_bytes(), 0o644)?;
    for blob in [manifest.as_bytes(), config.as_bytes(), &layer] {
        append(&mut tar, &format!("blobs/{}", digest(blob).replace(':', "/")), blob, 0o644)?;
    }
    tar.finish()
}

fn append<W: io::Write>(tar: &mut Builder<W>, path: &str, content: &[u8], mode: u32) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    tar.append_data(&mut header, path, content)
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(content), "size": content.len() })
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

/// Go's name for this machine's architecture, which is what images use.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_blob_lies_under_its_own_digest() {
        let folder = tempfile::tempdir().unwrap();
        let (program, archive) = (folder.path().join("program"), folder.path().join("archive"));
        fs::write(&program, b"\x7fELF").unwrap();
        write_archive(&program, &archive).unwrap();

        let mut blobs = 0;
        for entry in tar::Archive::new(fs::File::open(&archive).unwrap()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mut content = Vec::new();
            io::Read::read_to_end(&mut entry, &mut content).unwrap();
            if let Some(name) = path.strip_prefix("blobs/") {
                assert_eq!(name, digest(&content).replace(':', "/"));
                blobs += 1;
            }
        }
        assert_eq!(blobs, 3);
    }
}
