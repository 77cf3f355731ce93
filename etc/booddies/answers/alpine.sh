#!/bin/sh
# Installs Alpine Linux from its system in memory; the overlay that docs/distros.md describes runs it.
set -eu

failed() { wget -q -O /dev/null --post-data "$1" {{ callback }}/failed || true; exit 1; }
wget -q -O /dev/null {{ callback }}/started || true

cat >/tmp/answers <<'ANSWERS'
KEYMAPOPTS="{{ profile.keyboard }} {{ profile.keyboard }}"
HOSTNAMEOPTS="{{ machine.name }}"
DEVDOPTS=mdev
INTERFACESOPTS="auto lo
iface lo inet loopback

auto eth0
{% if machine.address %}
iface eth0 inet static
    address {{ machine.address }}/{{ site.prefix }}
{% if site.router %}
    gateway {{ site.router }}
{% endif %}
{% else %}
iface eth0 inet dhcp
{% endif %}
"
DNSOPTS="-d {{ site.domain }} {{ site.dns }}"
TIMEZONEOPTS="{{ profile.timezone }}"
PROXYOPTS=none
APKREPOSOPTS="{{ tree }}/main {{ tree }}/community"
USEROPTS=none
SSHDOPTS=openssh
NTPOPTS=busybox
DISKOPTS=none
LBUOPTS=none
APKCACHEOPTS=none
ANSWERS
setup-alpine -e -f /tmp/answers || failed "setup-alpine"

{% if profile.disk.device == "auto" %}
disk=
for found in /sys/block/*; do
    case $found in */loop* | */ram* | */zram* | */sr* | */fd*) continue ;; esac
    [ "$(cat "$found/removable")" = 0 ] && disk=/dev/${found##*/} && break
done
{% else %}
disk={{ profile.disk.device | shell }}
{% endif %}
[ -b "$disk" ] || failed "there is no disk to install to"
ERASE_DISKS=$disk setup-disk -m sys{% if profile.disk.layout == "lvm" %} -L{% endif %} -s {{ profile.disk.swap }} "$disk" || failed "setup-disk"
wget -q -O /dev/null {{ callback }}/written || true

# setup-disk has unmounted what it made.
{% if profile.disk.layout == "lvm" %}
vgchange -qay
root=/dev/vg0/lv_root
{% else %}
root=$(blkid "$disk"* | sed -n 's/:.*TYPE="ext4".*//p' | tail -n 1)
{% endif %}
mount "$root" /mnt || failed "the installed system cannot be mounted"
for folder in dev proc sys; do mount --bind "/$folder" "/mnt/$folder"; done
cp /etc/resolv.conf /mnt/etc/resolv.conf
chroot /mnt apk add -q openssh nftables sudo {{ profile.packages | join(" ") }} || failed "apk add"
wget -q -O /mnt/root/baseline.sh {{ baseline }} || failed "the baseline cannot be fetched"
chroot /mnt sh /root/baseline.sh || failed "the baseline"
{% for hook in profile.hooks %}
wget -q -O /mnt/root/hook {{ hook.url }} || failed {{ hook.name | shell }}
chroot /mnt sh /root/hook || failed {{ hook.name | shell }}
{% endfor %}
rm -f /mnt/root/baseline.sh /mnt/root/hook
wget -q -O /dev/null {{ callback }}/finished
reboot
