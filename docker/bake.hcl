# The images of a release, for one architecture: docker buildx bake --file docker/bake.hcl --push
# .github/workflows/release.yml does it on a machine of each, and joins what came of it.

variable "REGISTRY" {
  default = "ghcr.io/preview"
}
variable "VERSION" {
  default = "dev"
}
variable "COMMIT" {
  default = ""
}
variable "ARCH" {
  default = "amd64"
}

target "default" {
  name       = image
  matrix     = { image = ["webhook", "worker", "preview", "github-stand-in"] }
  context    = "."
  dockerfile = "docker/Dockerfile"
  target     = image
  platforms  = ["linux/${ARCH}"]
  args       = { VERSION = VERSION, COMMIT = COMMIT }
  tags       = ["${REGISTRY}/${image}:${VERSION}-${ARCH}"]
  # What is in them, crates included (cargo-auditable), and what they were made of.
  attest = ["type=sbom", "type=provenance,mode=max"]
}
