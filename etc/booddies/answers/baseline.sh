#!/bin/sh
# Makes an installed system safe before anyone can reach it: who may log in, and how, what the firewall lets in, whose time.
# Runs as root inside it, by the installer's last hook or at its first boot; to run again does no harm.
set -eu
umask 022
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

PORT={{ profile.ssh_port }}
NTP={{ site.ntp | shell }}
CALLBACK={{ (callback or "") | shell }}

say() { printf 'baseline: %s\n' "$*"; }
die() {
    printf 'baseline: %s\n' "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Whether this is the running system, and not one that is being installed.
running() { [ "$(stat -c %d:%i /)" = "$(stat -c %d:%i /proc/1/root/. 2>/dev/null)" ]; }

# put MODE FILE: the file becomes what stands on standard input, all at once.
put() {
    mkdir -p "${2%/*}"
    cat >"$2.new"
    chmod "$1" "$2.new"
    if [ -e "$2" ] && [ "$(cat "$2")" = "$(cat "$2.new")" ]; then
        say "$2 is as it should be"
    else
        say "wrote $2"
    fi
    mv -f "$2.new" "$2"
    ! have restorecon || restorecon "$2"
}

# want COMMAND PACKAGE...: installs a missing command by the first package that has it, from the system's own repositories.
want() {
    command=$1
    shift
    for package in "$@"; do
        ! have "$command" || return 0
        say "installing $package"
        if have apt-get; then
            DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends "$package"
        elif have dnf; then
            dnf -qy install "$package"
        elif have zypper; then
            zypper -nq install "$package"
        elif have apk; then
            apk add -q "$package"
        elif have pacman; then
            pacman -S --noconfirm --needed "$package"
        fi >/dev/null 2>&1 </dev/null || true
    done
    have "$command" || die "there is no $command, and none of these packages brings it: $*"
}

# at_start SERVICE [RUNLEVEL]: at every start, and at once where this is the running system.
at_start() {
    if have systemctl; then
        systemctl -q enable "$1"
        # Never waited for: at first boot this script runs before what it restarts.
        ! running || systemctl --no-block try-reload-or-restart "$1" 2>/dev/null || true
    elif have rc-update; then
        rc-update -q add "$1" "${2:-default}"
    else
        die "nothing here enables $1: neither systemctl nor rc-update"
    fi
    say "enabled $1"
}

home_of() {
    while IFS=: read -r name _ _ _ _ home _; do
        [ "$name" != "$1" ] || printf '%s' "$home"
    done </etc/passwd
}

# into_group USER GROUP: makes the group where it is missing.
into_group() {
    if ! grep -q "^$2:" /etc/group; then
        # Image-based systems keep their own groups elsewhere.
        getent group "$2" >>/etc/group 2>/dev/null || groupadd "$2" 2>/dev/null || addgroup "$2"
    fi
    if have usermod; then usermod -a -G "$2" "$1"; else addgroup "$1" "$2"; fi
}

# person NAME UID FULLNAME GROUPS HASH: public keys on standard input, a line each.
person() {
    if ! grep -q "^$1:" /etc/passwd; then
        shell=/bin/sh
        [ ! -x /bin/bash ] || shell=/bin/bash
        if have useradd; then
            # No password, yet not locked: keys are all that opens it.
            useradd -m -s "$shell" -c "$3" ${2:+-u "$2"} -p '*' "$1"
        else
            adduser -D -s "$shell" -g "$3" ${2:+-u "$2"} "$1"
            printf '%s:*\n' "$1" | chpasswd -e
        fi
        say "added $1"
    fi
    for group in $4; do into_group "$1" "$group"; done
    [ -z "$5" ] || printf '%s:%s\n' "$1" "$5" | chpasswd -e
    home=$(home_of "$1")
    put 600 "$home/.ssh/authorized_keys"
    chmod 700 "$home/.ssh"
    chown -R "$1:$(id -g "$1")" "$home/.ssh"
}

root_is_locked() {
    passwd -l root >/dev/null
    say "nobody logs in as root"
}

# The hash of a password has dollars in it.
# shellcheck disable=SC2016
people() {
{% for user in profile.users %}
    person {{ user.name | shell }} '{{ user.uid or "" }}' {{ user.fullname | shell }} {{ user.groups | join(" ") | shell }} {{ (user.password or "") | shell }} <<'KEYS'
{% for key in user.keys %}
{{ key }}
{% endfor %}
KEYS
{% endfor %}
    :
}

# Who has a password gives it; who has none cannot.
powers() {
{% if profile.users | selectattr("sudo") | list %}
    want sudo sudo
    put 440 /etc/sudoers.d/booddies <<'SUDOERS'
{% for user in profile.users if user.sudo %}
{{ user.name }} ALL=(ALL:ALL) {% if not user.password %}NOPASSWD: {% endif %}ALL
{% endfor %}
SUDOERS
    ! have visudo || visudo -cqf /etc/sudoers.d/booddies || die "sudo refuses /etc/sudoers.d/booddies"
{% else %}
    say "the profile gives sudo to nobody"
{% endif %}
}

# Before the network is up, and before sshd is there at all.
firewall() {
    want nft nftables
    # All in one transaction: at no moment is there no rule. 1 and 58 are ICMP; their names would need /etc/protocols.
    put 600 /etc/booddies/firewall.nft <<RULES
table inet baseline
delete table inet baseline
table inet baseline {
    chain input {
        type filter hook input priority 0; policy drop;
        ct state established,related accept
        ct state invalid drop
        iif lo accept
        meta l4proto { 1, 58 } accept
        ip6 saddr fe80::/10 udp dport 546 accept
        tcp dport $PORT accept
        reject with icmpx type admin-prohibited
    }
}
RULES
    for other in firewalld ufw nftables iptables; do
        ! have systemctl || ! systemctl -q is-enabled "$other" 2>/dev/null || {
            systemctl -q disable "$other"
            say "disabled $other: there is one firewall"
        }
    done
    if have systemctl; then
        put 644 /etc/systemd/system/booddies-firewall.service <<UNIT
[Unit]
Description=Firewall of booddies: nothing comes in but ssh
DefaultDependencies=no
After=local-fs.target
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$(command -v nft) -f /etc/booddies/firewall.nft
ExecReload=$(command -v nft) -f /etc/booddies/firewall.nft
[Install]
WantedBy=sysinit.target
UNIT
    else
        put 755 /etc/init.d/booddies-firewall <<'UNIT'
#!/sbin/openrc-run
description="Firewall of booddies: nothing comes in but ssh"
depend() {
    before net
}
start() {
    nft -f /etc/booddies/firewall.nft
}
UNIT
    fi
    at_start booddies-firewall boot
    ! running || nft -f /etc/booddies/firewall.nft || die "the kernel refuses the firewall"
    say "nothing comes in but ssh on port $PORT"
}

ssh_settings() {
    cat <<SETTINGS
# >>> baseline
# The first value of a setting wins.
Port $PORT
PermitRootLogin no
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
X11Forwarding no
{% if profile.users %}
AllowUsers{% for user in profile.users %} {{ user.name }}{% endfor %}

{% endif %}
# <<< baseline
SETTINGS
}

ssh_server() {
    # They stand there before sshd does, so that it never starts without them.
    ssh_settings | put 600 /etc/ssh/sshd_config.d/00-booddies.conf
    want sshd openssh-server openssh
    main=/etc/ssh/sshd_config
    [ -e "$main" ] || main=/usr/etc/ssh/sshd_config
    if ! grep -Eiq '^[[:space:]]*Include[[:space:]]+"?/etc/ssh/sshd_config\.d/\*' "$main"; then
        say "$main includes nothing: the settings go to its head"
        { ssh_settings && sed '/^# >>> baseline/,/^# <<< baseline/d' "$main"; } | put 600 /etc/ssh/sshd_config
        rm -f /etc/ssh/sshd_config.d/00-booddies.conf
    fi
    # Ports add up: any other is struck out.
    for file in /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf; do
        [ -e "$file" ] || continue
        sed -i '/^# >>> baseline/,/^# <<< baseline/!s/^[[:space:]]*[Pp]ort[[:space:]]/#&/' "$file"
    done
    selinux_port
    ssh-keygen -A >/dev/null
    mkdir -p /run/sshd
    ssh_is_settled
    service=sshd
    [ ! -e /lib/systemd/system/ssh.service ] && [ ! -e /usr/lib/systemd/system/ssh.service ] || service=ssh
    at_start "$service"
}

# What sshd itself says that it will do is what counts.
ssh_is_settled() {
    settled=$("$(command -v sshd)" -T) || die "sshd refuses its settings"
    [ "$(printf '%s\n' "$settled" | grep -c '^port ')" = 1 ] || die "sshd would listen on more than one port"
    for line in "port $PORT" "permitrootlogin no" "passwordauthentication no" "pubkeyauthentication yes"; do
        printf '%s\n' "$settled" | grep -qx "$line" || die "sshd would not keep to '$line'"
    done
    say "sshd takes keys only, on port $PORT"
}

# Where SELinux rules, sshd may not listen anywhere else than on 22 unless it is told so.
selinux_port() {
    [ "$PORT" != 22 ] && [ -e /etc/selinux/config ] && have semodule || return 0
    printf '(portcon tcp %s (system_u object_r ssh_port_t ((s0) (s0))))\n' "$PORT" |
        put 600 /etc/booddies/booddies_ssh.cil
    if running; then now=; else now=-N; fi
    semodule $now -i /etc/booddies/booddies_ssh.cil || die "SELinux does not let sshd have port $PORT"
}

time_source() {
    [ -e /etc/systemd/timesyncd.conf ] || [ -e /usr/lib/systemd/systemd-timesyncd ] ||
        [ -e /etc/conf.d/ntpd ] || want chronyd chrony
    if have chronyd; then
        conf=/etc/chrony.conf
        [ ! -e /etc/chrony/chrony.conf ] || conf=/etc/chrony/chrony.conf
        sed -e '/^# >>> baseline/,/^# <<< baseline/d' \
            -e 's/^[[:space:]]*\(pool\|server\|peer\|sourcedir\)[[:space:]]/#&/' "$conf" >"$conf.old"
        {
            cat "$conf.old"
            printf '# >>> baseline\nserver %s iburst\nmakestep 1 3\n# <<< baseline\n' "$NTP"
        } | put 644 "$conf"
        rm -f "$conf.old"
        service=chronyd
        [ ! -e /lib/systemd/system/chrony.service ] && [ ! -e /usr/lib/systemd/system/chrony.service ] || service=chrony
    elif [ -e /etc/conf.d/ntpd ]; then
        printf 'NTPD_OPTS="-N -p %s"\n' "$NTP" | put 644 /etc/conf.d/ntpd
        service=ntpd
    else
        printf '[Time]\nNTP=%s\nFallbackNTP=\n' "$NTP" | put 644 /etc/systemd/timesyncd.conf.d/booddies.conf
        service=systemd-timesyncd
    fi
    at_start "$service"
    say "the time is $NTP's"
}

# At its first start the system says that it booted from its own disk; a root image of this site does that by itself.
first_boot() {
    [ -n "$CALLBACK" ] && [ ! -e /etc/booddies-callback ] || return 0
    put 755 /etc/booddies/booted <<'BOOTED'
#!/bin/sh
# Tells the URL once; whoever does not hear it within a minute is told at the next start.
tell() {
    if command -v curl; then
        curl -fsS -m 10 -o /dev/null "$1"
    elif command -v wget; then
        wget -q -T 10 -O /dev/null "$1"
    else
        at=$(printf '%s' "$1" | sed 's|^http://||')
        bash -c 'exec 3<>"/dev/tcp/$0/80" && printf "GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n" "$1" "$0" >&3 && grep -q "^HTTP/1.. 2" <&3' \
            "$(printf '%s' "$at" | cut -d/ -f1)" "$(printf '%s' "$at" | cut -d/ -f2-)"
    fi
}
tries=0
until tell "$1" >/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 30 ] || exit 0
    sleep 2
done
rm -f /etc/systemd/system/multi-user.target.wants/booddies-booted.service /etc/local.d/booddies-booted.start
BOOTED
    if have systemctl; then
        put 644 /etc/systemd/system/booddies-booted.service <<UNIT
[Unit]
Description=Tell booddies that this system has booted from its own disk
Wants=network-online.target
After=network-online.target
[Service]
Type=oneshot
ExecStart=/bin/sh /etc/booddies/booted $CALLBACK/booted
[Install]
WantedBy=multi-user.target
UNIT
        systemctl -q enable booddies-booted
    else
        printf '#!/bin/sh\n/bin/sh /etc/booddies/booted %s/booted &\n' "$CALLBACK" |
            put 755 /etc/local.d/booddies-booted.start
        rc-update -q add local default
    fi
}

root_is_locked
firewall
people
powers
ssh_server
time_source
first_boot
say "done"
