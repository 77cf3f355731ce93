#!/usr/bin/env bash
# Sets up booddies on one docker host: what it needs, runctl, its units and its configuration. Safe to run again.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: install.sh [--demo | --uninstall | --purge]
  (nothing)    install what is missing, build runctl, install it with its units and configuration
  --demo       then build the images, start all services, fill them and boot a virtual machine from them
  --uninstall  stop the services and remove what was installed; keep data and changed configuration
  --purge      remove these too, images and network included
environment:
  PREFIX       where programs go (/usr/local)
  DESTDIR      stage the files below this folder instead of installing; needs no root and touches no system
TEXT
}

HERE=$(cd "$(dirname "$0")" && pwd)
PREFIX=${PREFIX:-/usr/local}
DESTDIR=${DESTDIR:-}
readonly HERE PREFIX DESTDIR
readonly PROGRAMS=$DESTDIR$PREFIX/bin
readonly SHARE=$DESTDIR$PREFIX/share
readonly LIBEXEC=$DESTDIR$PREFIX/libexec/booddies
readonly SHIPPED=$SHARE/booddies/shipped.sha256
readonly UNITS=$DESTDIR/etc/systemd/system
readonly CONFIGURATION=$DESTDIR/etc/booddies
readonly DATA=$DESTDIR/var/lib/booddies
readonly LOGS=$DESTDIR/var/log/booddies
readonly LOG=$LOGS/install.log
readonly ENGINE_PID=/run/booddies-engine.pid
readonly SERVICES="boot data gito cgit regi ntpd rack"

# --- what the operator sees -------------------------------------------------------------------------------------

DONE=() # "seconds text" of each step, for the report

# step TEXT HINT COMMAND…: one line on the screen, everything else in the log; with WATCHED=1 its own lines show, too.
step() {
    local text=$1 hint=$2 began=$SECONDS code
    shift 2
    printf ':: %s … ' "$text"
    printf '\n=== %s (%s)\n' "$text" "$*" >>"$LOG"
    set +e
    if [ -n "${WATCHED:-}" ]; then
        printf '\n'
        (set -e; "$@") 2>&1 | tee -a "$LOG" | sed -u 's/^/   /'
        code=${PIPESTATUS[0]}
        printf ':: %s … ' "$text"
    else
        (set -e; "$@") >>"$LOG" 2>&1
        code=$?
    fi
    set -e
    conclude "$text" "$hint" "$code" $((SECONDS - began))
}

conclude() {
    local text=$1 hint=$2 code=$3 seconds=$4
    if [ "$code" = 0 ]; then
        printf 'done (%s s)\n' "$seconds"
        DONE+=("$seconds $text")
        return
    fi
    printf 'fail\n\n'
    {
        printf 'error: step "%s" failed (exit code %s)\n' "$text" "$code"
        tail -n 12 "$LOG" | sed 's/^/  | /'
        printf 'hint: %s\n' "$hint"
        printf 'The whole log is %s; install.sh may be run again, done steps are quick.\n' "$LOG"
    } >&2
    exit "$code"
}

have() { command -v "$1" >/dev/null 2>&1; }

# --- what must be there -------------------------------------------------------------------------------------------

# A machine's own APT sources are what images are made of: only Debian's kin need mmdebstrap.
packages_of() {
    case $1 in
        apt) echo gcc git pkg-config libssl-dev zlib1g-dev iptables iproute2 ca-certificates mmdebstrap \
            libarchive-tools qemu-system-x86 ovmf ipxe-qemu ;;
        dnf) echo gcc git pkgconf-pkg-config openssl-devel zlib-devel iptables-nft iproute ca-certificates \
            bsdtar qemu-system-x86-core edk2-ovmf ipxe-roms-qemu ;;
        pacman) echo gcc git pkgconf openssl zlib iptables iproute2 ca-certificates \
            libarchive qemu-system-x86 edk2-ovmf ;;
    esac
}

engine_of() {
    case $1 in
        # Newer releases keep the client in a package of its own.
        apt) echo docker.io "$(apt-cache search --names-only '^docker-cli$' | cut -d' ' -f1)" ;;
        dnf) echo moby-engine ;;
        pacman) echo docker ;;
    esac
}

family() {
    local manager
    for manager in apt-get dnf pacman; do
        if have "$manager"; then echo "${manager%-get}" && return; fi
    done
}

install_packages() {
    local family missing=() name
    family=$(family)
    if [ "$family" = apt ]; then
        for name in $(packages_of apt); do
            dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
        done
        have dockerd && [ ${#missing[@]} = 0 ] && return
        apt-get -q update
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2207
        have dockerd || missing+=($(engine_of apt))
        apt-get -qy install --no-install-recommends "${missing[@]}"
        return
    fi
    # shellcheck disable=SC2046
    set -- $(packages_of "$family") $(have dockerd || engine_of "$family")
    case $family in
        dnf) dnf -y install "$@" ;;
        pacman) pacman -S --needed --noconfirm "$@" ;;
        *) require_commands ;;
    esac
}

# On a distribution whose packages we do not know: say what is needed, go on where it is there.
require_commands() {
    local missing=() name
    for name in dockerd docker gcc git ip iptables pkg-config qemu-system-x86_64; do
        have "$name" || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] && return
    echo "this distribution's package names are not known here; install what brings: ${missing[*]}"
    echo "and the headers of OpenSSL and zlib, the UEFI firmware OVMF and the iPXE ROMs for QEMU"
    return 1
}

under_systemd() { [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; }

engine_answers() { docker info >/dev/null 2>&1; }

start_engine() {
    engine_answers && return
    if under_systemd; then
        systemctl enable --now docker.service
    else
        setsid dockerd >>"$LOGS/dockerd.log" 2>&1 </dev/null &
        echo $! >"$ENGINE_PID"
    fi
    for _ in $(seq 60); do
        engine_answers && return
        sleep 1
    done
    [ ! -e "$LOGS/dockerd.log" ] || tail -n 8 "$LOGS/dockerd.log"
    return 1
}

# --- build and install --------------------------------------------------------------------------------------------

cargo_path() {
    local home
    for home in "$HOME" "$(getent passwd "${SUDO_USER:-root}" | cut -d: -f6)"; do
        PATH=$PATH:$home/.cargo/bin
    done
    command -v cargo || { echo "cargo is neither in PATH nor in ~/.cargo/bin" && return 1; }
}

# Builds as the checkout's owner, so that no file in it changes hands.
build() {
    local cargo owner=() user
    cargo=$(cargo_path)
    user=$(stat -c %U "$HERE")
    if [ "$(id -u)" = 0 ] && [ "$user" != root ] && [ "$user" = "${SUDO_USER:-}" ]; then
        owner=(runuser -u "$user" --)
    fi
    cd "$HERE"
    "${owner[@]}" env PATH="$PATH:$(dirname "$cargo")" BOODDIES_PREFIX="$PREFIX" \
        "$cargo" build --release --locked -p runctl -p rack-service
}

install_program() {
    local built=${CARGO_TARGET_DIR:-$HERE/target}/release
    install -D -m 755 "$built/runctl" "$PROGRAMS/runctl"
    # Not for a shell: it goes into the image of the service.
    install -D -m 755 "$built/rack" "$LIBEXEC/rack"
    local runctl=$PROGRAMS/runctl
    install -d "$SHARE/bash-completion/completions" "$SHARE/zsh/site-functions" "$SHARE/fish/vendor_completions.d"
    "$runctl" completion bash >"$SHARE/bash-completion/completions/runctl"
    "$runctl" completion zsh >"$SHARE/zsh/site-functions/_runctl"
    "$runctl" completion fish >"$SHARE/fish/vendor_completions.d/runctl.fish"
}

# Sources of the images, the documentation, and the project itself: the suite can rebuild itself where there is no way out.
install_sources() {
    rm -rf "$SHARE/booddies/images" "$SHARE/doc/booddies"
    install -d "$SHARE/booddies" "$SHARE/doc/booddies"
    cp -R "$HERE/images" "$SHARE/booddies/images"
    # As they lie here, so that their links hold.
    cp -R "$HERE/docs" "$HERE/README.md" "$HERE/CONTRIBUTING.md" "$HERE/LICENSE" "$SHARE/doc/booddies/"
    [ -e "$HERE/.git" ] || return 0
    local trust
    trust=$(mktemp)
    printf '[safe]\n\tdirectory = *\n' >"$trust"
    rm -rf "$SHARE/booddies/booddies.git.new"
    GIT_CONFIG_GLOBAL=$trust git clone -q --bare "$HERE" "$SHARE/booddies/booddies.git.new"
    rm -rf "$trust" "$SHARE/booddies/booddies.git"
    mv "$SHARE/booddies/booddies.git.new" "$SHARE/booddies/booddies.git"
}

install_units() {
    local unit name
    install -d "$UNITS"
    for unit in "$HERE"/systemd/*.service "$HERE"/systemd/*.target "$HERE"/systemd/*.timer; do
        name=$(basename "$unit")
        sed "s,@PREFIX@,$PREFIX,g" "$unit" >"$UNITS/$name"
        case $name in
            *.service) install -D -m 644 "$HERE/systemd/sandbox.conf" "$UNITS/$name.d/booddies-sandbox.conf" ;;
        esac
    done
    if under_systemd; then systemctl daemon-reload; fi
}

sum_of() { sha256sum "$1" | cut -d' ' -f1; }

# Whether a file is as some earlier run shipped it.
as_shipped() { [ -e "$SHIPPED" ] && grep -qxF "$(sum_of "$1")  $2" "$SHIPPED"; }

# Configuration is the operator's: a changed file stays, the new one is laid beside it.
install_configuration() {
    local rendered file name target
    rendered=$(mktemp -d)
    cp -R "$HERE/etc/booddies/." "$rendered"
    find "$rendered" -type f -exec sed -i "s,/usr/local/,$PREFIX/,g" {} +
    install -d "$CONFIGURATION" "$SHARE/booddies"
    (cd "$rendered" && find . -type f | sort) | while read -r name; do
        name=${name#./}
        file=$rendered/$name
        target=$CONFIGURATION/$name
        rm -f "$target.new"
        if [ ! -e "$target" ] || as_shipped "$target" "$name"; then
            install -D -m 644 "$file" "$target"
        elif ! cmp -s "$file" "$target"; then
            install -m 644 "$file" "$target.new"
        fi
        printf '%s  %s\n' "$(sum_of "$file")" "$name" >&3
    done 3>"$SHIPPED.new"
    mv "$SHIPPED.new" "$SHIPPED"
    rm -rf "$rendered"
}

# The engine's folder is there so that the units, whose sandbox opens it, can lay regi's certificate into it.
make_folders() { install -d -m 755 "$DATA" "$LOGS" "$DESTDIR/etc/docker"; }

# --- the demonstration --------------------------------------------------------------------------------------------

demo() {
    local runctl=$PROGRAMS/runctl WATCHED=1
    step "check the configuration" "mend the lines named above in $CONFIGURATION" "$runctl" check
    step "build the images" "see what the last lines name; runctl build goes on where it stopped" "$runctl" build
    step "start the services" "runctl status and runctl logs <service> say more" "$runctl" up
    step "feed them" "runctl feed resumes what was fetched" "$runctl" feed
    step "boot a machine from them" "runctl rehearse kvm-1 shows the evidence of each stage again" \
        "$runctl" rehearse kvm-1
    step "ask every service" "runctl logs <service> says more" "$runctl" status
}

report() {
    local entry
    printf '\n'
    for entry in "${DONE[@]}"; do
        printf '   %5s s  %s\n' "${entry%% *}" "${entry#* }"
    done
    printf '   %5s s  in all\n\n' "$SECONDS"
}

next_after_install() {
    local start="runctl up"
    if under_systemd; then start="systemctl enable --now booddies.target"; fi
    cat <<TEXT
booddies is installed. What to do next:
   $CONFIGURATION/*.toml    say what your site is like; runctl check tells every mistake
   runctl build    make the images
   $start    start the services
   runctl feed    mirror what the machines will ask for
   runctl rehearse kvm-1    boot a virtual machine as one of them
TEXT
}

next_after_demo() {
    cat <<TEXT
Seven services run on an isolated bridge, filled, and a machine booted from them with no way out.
What to do next:
   runctl status    each service and its probe
   $CONFIGURATION/machines.toml    name your machines by their MACs; it applies at once
   ip link set <nic> master <bridge>    add the rack's network card, then power machines on
   ./install.sh --uninstall    remove all but the data
TEXT
}

# --- and away again -----------------------------------------------------------------------------------------------

# The host's engine no longer trusts an authority that is going away.
forget_authority() {
    local trusted
    for trusted in "$DESTDIR"/etc/docker/certs.d/*/ca.crt; do
        cmp -s "$trusted" "$DATA/secrets/ca.pem" || continue
        rm -f "$trusted"
        rmdir "$(dirname "$trusted")"
    done
}

stop_services() {
    if under_systemd; then
        systemctl disable --now booddies.target || true
        # shellcheck disable=SC2086
        systemctl stop $SERVICES || true
    fi
    if [ -x "$PROGRAMS/runctl" ] && [ -z "$DESTDIR" ] && engine_answers; then "$PROGRAMS/runctl" down; fi
}

remove_files() {
    local service name file
    for service in $SERVICES runctl-feed@; do
        rm -rf "$UNITS/$service.service" "$UNITS/$service.service.d"
    done
    rm -f "$UNITS/booddies.target" "$UNITS/runctl-feed@.timer"
    if under_systemd; then systemctl daemon-reload; fi
    if [ -e "$SHIPPED" ]; then
        while read -r _ name; do
            file=$CONFIGURATION/$name
            rm -f "$file.new"
            if [ -e "$file" ] && as_shipped "$file" "$name"; then rm -f "$file"; fi
        done <"$SHIPPED"
        [ ! -d "$CONFIGURATION" ] || find "$CONFIGURATION" -depth -type d -empty -delete
    fi
    rm -rf "$PROGRAMS/runctl" "$LIBEXEC" "$SHARE/booddies" "$SHARE/doc/booddies" "$SHARE/bash-completion/completions/runctl" \
        "$SHARE/zsh/site-functions/_runctl" "$SHARE/fish/vendor_completions.d/runctl.fish"
}

# The engine goes only where install.sh started it and nobody else uses it.
stop_engine() {
    local pid
    [ -e "$ENGINE_PID" ] || return 0
    pid=$(cat "$ENGINE_PID")
    if engine_answers && [ -z "$(docker ps -q)" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then
        kill "$pid"
    fi
    rm -f "$ENGINE_PID"
}

# setting KEY: what the configuration says; both keys that are asked for are `booddies` where nobody said otherwise.
setting() {
    local value=
    if [ -x "$PROGRAMS/runctl" ]; then
        value=$("$PROGRAMS/runctl" config show | sed -n "s/^$1 = \"\([^\"]*\)\".*/\1/p" | head -n 1)
    fi
    printf '%s\n' "${value:-booddies}"
}

# Of the engine only what is this site's: others may live beside it.
purge_engine() {
    local name
    [ -z "$DESTDIR" ] && engine_answers || return 0
    for name in $(docker images -q --filter "reference=$(setting image.prefix)/*" --filter label=booddies.input | sort -u); do
        docker rmi -f "$name"
    done
    for name in $(docker network ls -q --filter "label=booddies.site=$(setting name)"); do docker network rm "$name"; done
}

purge_files() { rm -rf "$CONFIGURATION" "$DATA"; }

setup() {
    if [ -z "$DESTDIR" ]; then
        step "install packages" "mend the package manager's complaint, or install these by hand" install_packages
        step "start the engine" "see $LOGS/dockerd.log or journalctl -u docker" start_engine
    fi
    step "build runctl" "the compiler's complaint is above; a fresh checkout and rustup help most often" build
    step "install runctl" "make $PROGRAMS writable" install_program
    step "install sources and documentation" "make $SHARE writable" install_sources
    step "install units" "make $UNITS writable" install_units
    step "install configuration" "make $CONFIGURATION writable" install_configuration
    step "make folders" "make $DATA writable" make_folders
    find "$CONFIGURATION" -name '*.new' -printf '   yours is kept, the new one is %p\n'
    [ "$1" != --demo ] || demo
    report
    if [ "$1" = --demo ]; then next_after_demo; else next_after_install; fi
}

uninstall() {
    step "stop the services" "stop them by hand: docker ps" stop_services
    step "forget the registry" "remove its folder below /etc/docker/certs.d" forget_authority
    [ "$1" != --purge ] || step "remove images and network" "docker images; docker network ls" purge_engine
    step "remove files" "make $PROGRAMS, $SHARE and $UNITS writable" remove_files
    [ "$1" != --purge ] || step "remove data and configuration" "make $DATA and $CONFIGURATION writable" purge_files
    step "stop the engine" "kill the dockerd that install.sh started" stop_engine
    if [ "$1" = --purge ]; then
        rm -rf "$LOGS"
    else
        printf 'kept: %s, %s and changed configuration in %s\n' "$DATA" "$LOGS" "$CONFIGURATION"
    fi
}

main() {
    local mode=${1:-}
    case $mode in
        '' | --demo | --uninstall | --purge) ;;
        -h | --help) usage; return ;;
        *) usage >&2; return 2 ;;
    esac
    if [ -z "$DESTDIR" ] && [ "$(id -u)" != 0 ]; then
        printf 'error: installing needs root\nhint: run it as root, or stage the files with DESTDIR=folder\n' >&2
        return 1
    fi
    install -d "$LOGS"
    date '+%F %T install.sh' >>"$LOG"
    case $mode in
        --uninstall | --purge) uninstall "$mode" ;;
        *) setup "$mode" ;;
    esac
}
main "$@"
