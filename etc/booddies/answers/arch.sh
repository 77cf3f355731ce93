#!/bin/bash
# Installs Arch Linux: its live system runs this by itself, since the kernel line says `script=`.
set -euo pipefail

tell() { curl -fsS -o /dev/null "$@" || true; }
trap 'tell -d "line $LINENO: $BASH_COMMAND" {{ callback }}/failed' ERR
tell {{ callback }}/started

{% if profile.disk.device == "auto" %}
disk=$(lsblk -dnpo NAME,TYPE,RM,RO | awk '$2 == "disk" && $3 == 0 && $4 == 0 && $1 !~ "/(zram|loop)" { print $1; exit }')
{% else %}
disk={{ profile.disk.device | shell }}
{% endif %}
[ -b "$disk" ]

# One layout for both kinds of firmware: BIOS boot, ESP, the rest.
wipefs -af "$disk"
printf 'size=1MiB, type=21686148-6449-6E6F-744E-656564454649\nsize=512MiB, type=uefi\ntype=linux\n' | sfdisk -q --label gpt "$disk"
udevadm settle
part() { lsblk -lnpo NAME "$disk" | sed -n "$(($1 + 1))p"; }
mkfs.vfat "$(part 2)"
root=$(part 3)
{% if profile.disk.layout == "lvm" %}
pvcreate -ffy "$root"
vgcreate -y system "$root"
lvcreate -qy -l 100%FREE -n root system
root=/dev/system/root
{% endif %}
mkfs.ext4 -Fq "$root"
mount "$root" /mnt
mount --mkdir "$(part 2)" /mnt/boot/efi
{% if profile.disk.swap %}
mkswap -q -U clear --size {{ profile.disk.swap }}M --file /mnt/swapfile
swapon /mnt/swapfile
{% endif %}
tell {{ callback }}/partitioned

# shellcheck disable=SC2016 # pacman's own variables
printf 'Server = %s/$repo/os/$arch\n' {{ tree | shell }} >/etc/pacman.d/mirrorlist
pacstrap /mnt base linux linux-firmware grub efibootmgr openssh nftables sudo chrony {% if profile.disk.layout == "lvm" %}lvm2 {% endif %}{{ profile.packages | join(" ") }}

tell {{ callback }}/written
genfstab -U /mnt >>/mnt/etc/fstab
echo {{ machine.fqdn | shell }} >/mnt/etc/hostname
echo 'LANG={{ profile.locale }}' >/mnt/etc/locale.conf
echo 'KEYMAP={{ profile.keyboard }}' >/mnt/etc/vconsole.conf
ln -sf /usr/share/zoneinfo/{{ profile.timezone }} /mnt/etc/localtime
cat >/mnt/etc/systemd/network/10-boot.network <<'NETWORK'
[Match]
MACAddress={{ machine.mac }}
[Network]
{% if machine.address %}
Address={{ machine.address }}/{{ site.prefix }}
{% if site.router %}
Gateway={{ site.router }}
{% endif %}
DNS={{ site.dns }}
Domains={{ site.domain }}
{% else %}
DHCP=yes
{% endif %}
NETWORK
{% if profile.disk.layout == "lvm" %}
sed -i 's/^\(HOOKS=.*\) filesystems/\1 lvm2 filesystems/' /mnt/etc/mkinitcpio.conf
arch-chroot /mnt mkinitcpio -P
{% endif %}
{% if machine.serial %}
echo 'GRUB_CMDLINE_LINUX="console=tty0 console={{ machine.serial }}"' >>/mnt/etc/default/grub
{% endif %}
if [ -d /sys/firmware/efi ]; then
    arch-chroot /mnt grub-install --target=x86_64-efi --efi-directory=/boot/efi --removable
else
    arch-chroot /mnt grub-install --target=i386-pc "$disk"
fi
arch-chroot /mnt grub-mkconfig -o /boot/grub/grub.cfg
arch-chroot /mnt systemctl -q enable systemd-networkd systemd-resolved
tell {{ callback }}/bootloader

curl -fsS -o /mnt/root/baseline.sh {{ baseline }}
arch-chroot /mnt sh /root/baseline.sh
{% for hook in profile.hooks %}
curl -fsS -o /mnt/root/hook {{ hook.url }}
arch-chroot /mnt sh /root/hook
{% endfor %}
rm -f /mnt/root/baseline.sh /mnt/root/hook
tell {{ callback }}/finished
reboot
