#!/bin/sh
# Makes this host trust the site's registry: docker, podman (and skopeo, buildah), containerd. Run it as root; twice does no harm.
set -eu

readonly REGISTRIES="@REGISTRIES@"
# Where to write; for trying it out.
readonly ROOT="${ROOT:-}"

authority() {
    cat <<'END'
{}
END
}

for registry in $REGISTRIES; do
    for engine in docker containers; do
        folder="$ROOT/etc/$engine/certs.d/$registry"
        mkdir -p "$folder"
        authority > "$folder/ca.crt"
    done
    # containerd looks here if `config_path` of its registry plugin names the folder; nerdctl looks here by itself.
    folder="$ROOT/etc/containerd/certs.d/$registry"
    mkdir -p "$folder"
    authority > "$folder/ca.crt"
    printf 'server = "https://%s"\n[host."https://%s"]\n  ca = "%s/ca.crt"\n' "$registry" "$registry" "$folder" > "$folder/hosts.toml"
done
echo "docker, podman and containerd trust: $REGISTRIES"
