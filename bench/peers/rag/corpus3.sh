#!/usr/bin/env bash
# Fetches the Debian packages the third question set was written from and lays out DIR/en (HTML, plain text, PDF) and DIR/zh (HTML, plain
# text, Markdown, PDF). Manual pages are made plain text with man; help pages of the desktop are Mallard XML: mallard.py makes them Markdown.
# Usage: corpus3.sh DIR
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mallard=${MALLARD:-$here/mallard.py}
dir=$(mkdir -p "$1" && cd "$1" && pwd)
[ -e "$dir/.done" ] && exit 0
packages=(postgresql-doc-15 rsync tmux openssh-client debian-history privoxy
    debian-edu-doc-zh-cn kicad-doc-zh gimp-help-zh-cn manpages-zh evince-common gedit-common)
mkdir -p "$dir/deb" "$dir/x" "$dir/en" "$dir/zh"
(cd "$dir/deb" && apt-get download -qq "${packages[@]}" 2>/dev/null || { apt-get update -qq && apt-get download -qq "${packages[@]}"; })
for deb in "$dir"/deb/*.deb; do dpkg -x "$deb" "$dir/x"; done
share=$dir/x/usr/share

page() { # page FILE.gz OUT.txt
    SOURCE_DATE_EPOCH=1700000000 LC_ALL=C.UTF-8 MANWIDTH=100 man --no-hyphenation --no-justification -l "$1" 2>/dev/null | col -bx | sed 's/‐/-/g' > "$2"
}

for name in app-pgdump app-pgrestore auth-password auth-pg-hba-conf backup-dump continuous-archiving datatype-character datatype-datetime \
    datatype-json datatype-numeric datatype-uuid ddl-constraints ddl-partitioning different-replication-solutions disk-full explicit-locking \
    history indexes-partial indexes-types kernel-resources limits populate role-attributes routine-reindex routine-vacuuming \
    runtime-config-autovacuum runtime-config-connection runtime-config-resource server-shutdown server-start sql-copy sql-createindex \
    sql-explain sql-vacuum ssl-tcp storage-toast transaction-iso upgrading wal-reliability; do
    cp "$share/doc/postgresql-doc-15/html/$name.html" "$dir/en/pg-$name.html"
done
for name in rsync.1 rsyncd.conf.5 tmux.1 ssh.1 ssh-keygen.1 ssh-add.1 ssh-agent.1 scp.1 sftp.1 ssh_config.5; do
    page "$share/man/man${name##*.}/$name.gz" "$dir/en/${name%.*}.txt"
done
for name in general configuration misc trouble; do cp "$share/doc/privoxy/faq/$name.html" "$dir/en/privoxy-faq-$name.html"; done
for name in appendix introduction quickstart startup installation; do
    cp "$share/doc/privoxy/user-manual/$name.html" "$dir/en/privoxy-manual-$name.html"
done
cp "$share/doc/debian-history/docs/project-history.en.pdf" "$dir/en/debian-history.pdf"

cp "$share/doc/debian-edu-doc/zh-cn/debian-edu-bookworm-manual.pdf" "$dir/zh/debian-edu.pdf"
for name in introduction kicad pcbnew pl_editor; do cp "$share/doc/kicad/help/zh/$name.html" "$dir/zh/kicad-$name.html"; done
for name in early-days 1-0 2-0 2-2 2-4 2-6; do
    cp "$share/gimp/2.0/help/zh_CN/gimp-introduction-history-$name.html" "$dir/zh/gimp-history-$name.html"
done
for name in systemctl.1 journalctl.1 ssh.1 bzip2.1 gzip.1 grep.1 find.1 vim.1 eject.1 bootparam.7 file-hierarchy.7 ip.7 tcp.7 regex.7 \
    charsets.7 daemon.7 hdparm.8 ping.8 fsck.8 setserial.8 journald.conf.5 logind.conf.5 os-release.5 lilo.conf.5 pg_dump.1; do
    page "$share/man/zh_CN/man${name##*.}/$name.gz" "$dir/zh/man-${name%.*}.txt"
done
python3 "$mallard" "$dir/zh" "$share"/help/zh_CN/evince/*.page
for file in "$dir"/zh/*.md; do mv "$file" "$dir/zh/evince-$(basename "$file")"; done
python3 "$mallard" "$dir/zh" "$share"/help/zh_CN/gedit/*.page
# pages that are still in English are no Chinese documents
python3 - "$dir/zh" <<'END'
import pathlib, re, sys
for path in pathlib.Path(sys.argv[1]).glob("*.md"):
    text = path.read_text()
    if len(re.findall("[\u4e00-\u9fff]", text)) < 100 or len(re.findall("[A-Za-z]{2,}", text)) > len(re.findall("[\u4e00-\u9fff]", text)):
        path.unlink()
    elif not path.name.startswith("evince-"):
        path.rename(path.with_name("gedit-" + path.name))
END
rm -rf "$dir/x" "$dir/deb"
touch "$dir/.done"
