#!/usr/bin/env bash
# Fetches the Debian packages the questions were written from and lays out DIR/en and DIR/zh. Usage: corpus.sh DIR
set -euo pipefail
dir=$(mkdir -p "$1" && cd "$1" && pwd)
[ -e "$dir/.done" ] && exit 0
packages=(debian-faq debian-handbook debian-faq-zh-cn maint-guide-zh-cn debian-reference-zh-cn)
mkdir -p "$dir/deb" "$dir/x" "$dir/en" "$dir/zh"
(cd "$dir/deb" && apt-get download -qq "${packages[@]}" 2>/dev/null || { apt-get update -qq && apt-get download -qq "${packages[@]}"; })
for deb in "$dir"/deb/*.deb; do dpkg -x "$deb" "$dir/x"; done
doc=$dir/x/usr/share/doc
cp "$doc"/debian/FAQ/*.en.html "$dir/en/"
cp "$doc"/debian-handbook/html/en-US/sect.*.html "$dir/en/"
cp "$doc"/debian/FAQ/zh-cn/*.html "$dir/zh/"
cp "$doc"/maint-guide-zh-cn/html/*.html "$dir/zh/"
cp "$dir"/x/usr/share/debian-reference/ch0[1-6].zh-cn.html "$dir/zh/"
rm -rf "$dir/x" "$dir/deb"
touch "$dir/.done"
