#!/usr/bin/env bash
# Fetches the Debian packages the second question set was written from and lays out DIR/en (HTML, plain text, PDF) and DIR/zh (HTML,
# Markdown, PDF). The help pages of the desktop are Mallard XML: mallard.py makes them Markdown. Usage: corpus2.sh DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mkdir -p "$1" && cd "$1" && pwd)
[ -e "$dir/.done" ] && exit 0
packages=(sqlite3-doc nano git-doc debian-policy gnome-user-docs libreoffice-help-zh-cn installation-guide-amd64 debmake-doc)
mkdir -p "$dir/deb" "$dir/x" "$dir/en" "$dir/zh"
(cd "$dir/deb" && apt-get download -qq "${packages[@]}" 2>/dev/null || { apt-get update -qq && apt-get download -qq "${packages[@]}"; })
for deb in "$dir"/deb/*.deb; do dpkg -x "$deb" "$dir/x"; done
share=$dir/x/usr/share
for page in faq whentouse autoinc tempfiles famous isolation lang_vacuum limits wal foreignkeys datatype3 withoutrowid different \
    serverless zeroconf quirks howtocorrupt lang_attach lang_transaction; do
    cp "$share/doc/sqlite3/$page.html" "$dir/en/sqlite-$page.html"
done
cp "$share/doc/nano/faq.html" "$dir/en/nano-faq.html"
for page in gitfaq giteveryday gittutorial git-stash git-worktree git-bisect git-clean; do
    cp "$share/doc/git-doc/$page.txt" "$dir/en/"
done
gunzip -c "$share/doc/debian-policy/fhs/fhs-3.0.pdf.gz" > "$dir/en/fhs-3.0.pdf"
guide=$share/libreoffice/help/zh-CN/text
for page in "$guide"/scalc/guide/*.html "$guide"/swriter/guide/{calc,form,page,print,table}*.html "$guide"/simpress/guide/{html,line,page}*.html; do
    cp "$page" "$dir/zh/$(basename "$(dirname "$(dirname "$page")")")-$(basename "$page")"
done
python3 "$here/mallard.py" "$dir/zh" "$share"/help/zh_CN/gnome-help/*.page
gunzip -c "$share/doc/installation-guide-amd64/zh_CN/install.zh_CN.pdf.gz" > "$dir/zh/install.pdf"
for n in 1 2 3 4; do cp "$share/doc/debmake-doc/html/ch0$n.zh-cn.html" "$dir/zh/debmake-ch0$n.html"; done
rm -rf "$dir/x" "$dir/deb"
touch "$dir/.done"
