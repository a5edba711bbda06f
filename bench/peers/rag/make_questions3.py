#!/usr/bin/env python3
"""Writes questions3.jsonl: the third question set, over texts that neither of the others uses (see corpus3.sh). Half of its questions are
paraphrased: it is the hardest of the three. The weights of the estimate whether a question can be answered were fitted on all three sets;
nothing else was tuned on this one. Fields as in make_questions2.py. Of the unanswerable ones x01 to x13 are near misses (the documents
treat the subject, but state the fact asked for nowhere), x14 to x20 are off topic. --check DIR looks for the evidence in the texts, and
says in which file it is."""
import json
import pathlib
import re
import subprocess
import sys

EN = [
("I deleted half the rows of a big PostgreSQL table and ran a plain VACUUM. Will the disk space go back to the operating system?", ["it will not return the space to the operating system", "VACUUM FULL actively compacts tables"], [["\\bno\\b|\\bnot\\b|n't|FULL|only"]]),
("How many columns can one PostgreSQL table have at most, and how big can a single field be?", ["further limited by tuple size fitting on a single page"], [["1,?600"], ["1 ?GB|1 gigabyte|one gigabyte"]]),
("Which kind of shutdown does PostgreSQL do if I send SIGINT to the main server process?", ["This is the Fast Shutdown mode"], [["\\bfast\\b"]]),
("Who led the POSTGRES project at Berkeley, and when did its implementation begin?", ["Michael Stonebraker, was sponsored by", "POSTGRES began in 1986"], [["Stonebraker"], ["1986"]]),
("While restoring a dump, psql just carries on after an error. How can I make it quit at the first one?", ["the ON_ERROR_STOP variable set"], [["ON_ERROR_STOP"]]),
("Restoring a large database takes ages. Which pg_restore option lets it work on several things at the same time?", ["Run the most time-consuming steps"], [["--jobs|\\B-j(?![a-z])"]]),
("I have a machine just for the database. How much of its RAM is a sensible starting point for shared_buffers?", ["is 25% of the memory in your system"], [["25 ?%|25 percent|a quarter|one quarter"]]),
("What transaction isolation level do I get in PostgreSQL when I don't ask for a particular one?", ["Read Committed is the default isolation"], [["read[ -]committed"]]),
("Can an index be built on a busy table without blocking inserts and updates?", ["index without taking any locks that prevent concurrent inserts", "without locking out writes"], [["CONCURRENTLY"]]),
("How long may a client take to log in before the PostgreSQL server drops the connection?", ["Maximum amount of time allowed to complete client authentication"], [["one minute|\\b1 ?m(in(ute)?)?\\b|\\b60 ?s|60 seconds"]]),
("Which password authentication method of PostgreSQL is the safest, and what is the drawback of it?", ["This is the most secure of the currently provided methods"], [["scram"], ["client|old"]]),
("How do I get rsync to compare file contents rather than only size and modification time?", ["compare a checksum for each file that"], [["--checksum|\\B-c\\b"]]),
("Does rsync -a keep hard links and ACLs as well?", ["Be aware that it does not include preserving"], [["\\bno\\b|\\bnot\\b|n't|exclud|\\B-H\\b"]]),
("What exit code tells me that rsync stopped deleting because of --max-delete?", ["exits with an error code of 25"], [["\\b25\\b"]]),
("Is mode 644 fine for the secrets file of an rsync daemon?", ["modes such as 600 or 640 are accepted while 644"], [["\\bno\\b|\\bnot\\b|n't|reject|600|640"]]),
("Which key do I press after the tmux prefix to get two panes side by side?", ["Split the current pane into two, left and right"], [["%|percent"]]),
("How long does tmux wait after the escape key by default?", ["determine if it is part of a function or meta key sequences"], [["\\b500\\b|half a second|0\\.5"]]),
("I want to type one command into all the panes of a tmux window at once. Which option does that?", ["Duplicate input to all other panes in the same window"], [["synchronize-panes"]]),
("My ssh session is frozen. What can I type to cut the connection?", ["~. Disconnect."], [["~\\s?\\.|tilde.{0,40}(period|dot)"]]),
("How long is an RSA key from ssh-keygen if I don't choose a size, and what is the shortest allowed?", ["the minimum size is 1024 bits and the default is 3072 bits"], [["3072"], ["1024"]]),
("A server was reinstalled and ssh refuses to connect because its host key changed. How can I remove the old entry from known_hosts?", ["Removes all keys belonging to the specified hostname"], [["\\B-R\\b"]]),
("Some old server has no SFTP. Which scp option goes back to the original protocol?", ["Use the legacy SCP protocol for file transfers instead of the SFTP protocol"], [["\\B-O\\b"]]),
("How can I protect my running ssh agent with a password while I'm away from the desk?", ["Lock the agent with a password"], [["\\B-x\\b"]]),
("Why did Debian skip version 1.0?", ["Debian 1.0 was never released", "accidentally shipped a development release", "mistakenly labelled an unreleased version as Debian 1.0"], [["InfoMagic|CD[- ]?(ROM)? ?(vendor|manufacturer)|mistaken|accident|confusion"]]),
("Which Debian release was the first with systemd as its default init system, and when did it come out?", ["introduced for the first time the systemd init system as default"], [["Jessie|Debian 8"], ["2015"]]),
("In which city was the first DebConf held, and in what year?", ["took place in Bordeaux, France"], [["Bordeaux"], ["2000"]]),
("Can Privoxy filter my FTP transfers too?", ["Privoxy cannot act as a proxy for FTP traffic", "Privoxy does not filter FTP"], [["\\bno\\b|\\bnot\\b|n't|cannot"]]),
("Blocked ads show up as a checkerboard in my browser. How do I make them disappear completely?", ["If you want to see nothing, then change the set-image-blocker"], [["set-image-blocker"], ["blank"]]),
("Other computers in my home network cannot use the Privoxy on my PC. What do I have to change?", ["By default, Privoxy only responds to requests"], [["listen-address"]]),
("What does a company pay per year to be a bronze sponsor of Privoxy?", ["Bronze (600 USD/year)"], [["\\b600\\b"]]),
]
ZH = [
("Skolelinux 是哪一年在哪个国家起步的？", ["Skolelinux 项目在 2001 年 7 月 2 日启动于挪威"], [["2001"], ["挪威"]]),
("一台旧电脑当瘦客户端用，最少要多大内存？", ["瘦客户端能够仅有 256 MiB RAM"], [["256"]]),
("一个学校网络里可以装两台 Debian Edu 主服务器吗？为什么？", ["在每个学校网络中仅能有一个主服务器的原因是主服务器提供 DHCP"], [["不能|不可以|只能|仅能|只可|不行|否|一台|一个"], ["DHCP"]]),
("Xfce 和 LXDE 分别支持多少种语言？", ["106 种语言", "支持 35 种语言"], [["106"], ["(?<!\\d)35(?!\\d)"]]),
("安装 Debian Edu 时给普通用户设的密码最短几位？", ["用户的密码必须具有至少 5 个字符的长度"], [["(?<!\\d)5(?!\\d)|五"]]),
("Debian Edu 主服务器的主机名和默认 IP 地址各是什么？", ["是挪威语“服务器”之意", "并预设默认 IP 地址为 10.0.2.2"], [["tjener"], ["10\\.0\\.2\\.2"]]),
("GIMP 的第一个正式版 1.0 是什么时候推出的？", ["GIMP 版本 1.0 最终于 1998 年 6 月 5 日发布了"], [["1998"]]),
("GIMP 0.54 用 Motif 有什么不好？", ["是建立在一个商业工具箱 Motif 之上的", "就要花钱购买 Motif"], [["商业|花钱|购买|买不起|收费|付费"]]),
("GTK 的全称是什么？", ["全称是 GIMP Toolkit"], [["GIMP ?Toolkit|GIMP ?工具箱"]]),
("从 GIMP 的哪个版本起可以不依赖 X 窗口、以批处理方式运行？", ["现在可以在批处理模式下运行 GIMP 了"], [["2\\.2"]]),
("用惯了 Photoshop，怎样让 GIMP 2.0 也用它那套快捷键？", ["把 ps-menurc 改成 menurc"], [["ps-menurc"]]),
("KiCad 的电路板最多有几个铜层？能做奇数层吗？", ["KiCad 能够创建多达 32 个铜层", "KiCad 目前仅支持铜层数为偶数的压层"], [["(?<!\\d)32(?!\\d)"], ["偶数|不能|不支持|不可以|不行"]]),
("在 KiCad 里框选对象时，从左往右拖和从右往左拖结果有什么不一样？", ["从右向左拖动将导致选择任何接触到窗口的项目"], [["接触|碰到|触及|相交|任何"], ["完全|全部在|整个"]]),
("想在 KiCad 图框里自动填上公司名称，要写哪个格式符号？", ["%Y = 公司名称"], [["%Y"]]),
("升级到 KiCad 6.0 后，旧的符号库如果不迁移还打得开吗？", ["没有被迁移的符号库仍然可以以只读模式打开和使用"], [["只读"]]),
("电路板上的微孔通常是怎么钻出来的？", ["微孔是典型的激光钻孔"], [["激光"]]),
("机器内存很小，用 bzip2 解压时加什么选项可以少占内存？", ["相应的选项标志为 -s", "解压缩及检查时减少内存用量"], [["-s(?![a-z])|--small"]]),
("ping 不加选项时每个包带多少字节的数据？", ["缺省值为 56 ，这正好在添加了 8 字节的 ICMP 首部", "缺省值为 56", "(缺省为 56)"], [["(?<!\\d)56(?!\\d)"]]),
("笔记本合上盖子，systemd-logind 默认会做什么？", ["HandleLidSwitch=suspend"], [["suspend|休眠到内存|挂起|睡眠|待机|休眠(?!到硬盘)"]]),
("journald 默认多久往硬盘写一次日志？", ["向磁盘刷写日志文件的时间间隔，默认值是五分钟"], [["五分钟|5 ?分钟|5 ?min"]]),
("用 journalctl 怎么只看内核的消息？", ["仅显示内核日志"], [["-k(?![a-z])|--dmesg"]]),
("TCP 连接闲置多长时间以后才会发送保活信号？", ["默认为 10800 秒"], [["10800|3 ?个?小时|三个?小时"]]),
("eject 除了弹出光盘，怎样把托盘收回去？", ["会发一个关闭 CD-ROM 托盘的命令给驱动器"], [["-t(?![a-z])"]]),
("程序要识别发行版，应该优先读取哪个 os-release 文件？另一个什么时候才可以读？", ["仅在 /etc/os-release 不存在的情况下"], [["/etc/os-release"], ["不存在|没有|缺失"]]),
("在命令行里怎样让文档查看器直接打开 PDF 的第 3 页？", ["evince --page-label=3"], [["--page-label"]]),
("PS 文件转成 PDF 以后，里面的字就能选中了吗？", ["转换为 PDF 格式也不能使文本可选定"], [["不能|不可以|无法|不会|否|并不|不行"]]),
("从网上下载的 gedit 插件应该放进哪个文件夹？", ["/.local/share/gedit/plugins"], [["\\.local/share/gedit/plugins"]]),
("用 gedit 打印时想让最后一页先出来，要勾选什么？", ["副本选项中，勾选 逆序", "勾选 逆序"], [["逆序|倒序"]]),
("用 gedit 打开 FTP 服务器上的文件，改完能直接存回去吗？", ["从 FTP 上打开的文件一般也是只读"], [["只读|不能|不可以|无法|另存"]]),
("gedit 的文档统计会给出哪些数字？", ["包括单词数、行数、字符数和非空格的字符数"], [["单词"], ["行数"], ["字符"]]),
]
EN_NEAR = [
"In which year did the jsonb type first appear in PostgreSQL?",
"How large may max_wal_size grow by default, in gigabytes?",
"Who drew the elephant in the PostgreSQL logo?",
"Which programmer wrote the autovacuum daemon?",
"How many paste buffers does tmux keep if buffer-limit is left alone?",
"In what year was the first version of tmux released?",
"How many keys can ssh-agent hold at most?",
"Which of ssh's ciphers is the fastest on an ARM processor?",
"How long does it take to crack a key's passphrase that was saved with 16 KDF rounds?",
"How many megabytes per second does rsync manage over a gigabit network?",
"Which Debian release was the first to use Wayland by default?",
"How many binary packages did Debian 12 contain when it was released?",
"How many people around the world use Privoxy?",
]
EN_OFF = [
"How many moons does Jupiter have?",
"How do I get a red wine stain out of a carpet?",
"Who painted The Night Watch?",
"How do I create a virtual network in Azure?",
"What does the offside rule in football say?",
"How can I reset a Nintendo Switch to factory settings?",
"At what temperature should I roast a chicken?",
]
ZH_NEAR = [
"全世界一共有多少所学校在用 Skolelinux？",
"装完一台组合主服务器一般要花几分钟？",
"GIMP 2.2 是哪年哪月发布的？",
"Spencer 和 Peter 是在哪所大学开始编写 GIMP 的？",
"GIMP 的吉祥物是谁画的？",
"KiCad 这个项目是在哪一年创立的？",
"找工厂生产一块四层电路板大概要多少钱？",
"运行 KiCad 6.0 至少需要多大的内存？",
"bzip2 压缩时最多能同时使用几个处理器核心？",
"ping 程序最早是由谁编写的？",
"tcp_fin_timeout 默认是多少秒？",
"journald 用的是哪一种压缩算法？",
"gedit 一次最多能打开多少个文件？",
]
ZH_OFF = [
"上海地铁一共有多少条线路？",
"糖醋排骨要放多少醋？",
"驾照过期了怎么换证？",
"世界上最长的河流是哪一条？",
"怎样用 Excel 做数据透视表？",
"《红楼梦》的作者是谁？",
"怎样在支付宝里查看信用分？",
]


def rows():
    for lang, yes, near, off in (("en", EN, EN_NEAR, EN_OFF), ("zh", ZH, ZH_NEAR, ZH_OFF)):
        for i, (question, evidence, must) in enumerate(yes, 1):
            yield dict(id=f"{lang}3-{i:03}", lang=lang, corpus=lang, question=question, answerable=True, evidence=evidence, must=must,
                       held=True)
        for i, question in enumerate(near + off, 1):
            yield dict(id=f"{lang}3-x{i:02}", lang=lang, corpus=lang, question=question, answerable=False, evidence=[], must=[],
                       held=True)


def text(path):
    import html

    if path.suffix == ".pdf":
        return subprocess.run(["pdftotext", str(path), "-"], capture_output=True, text=True).stdout
    if path.suffix == ".html":
        return html.unescape(re.sub(r"<[^>]+>", "", path.read_text(errors="replace")))
    return path.read_text(errors="replace")


def check(folder):
    squeeze = lambda t: re.sub(r"\s+", " ", t).lower()
    for corpus in ("en", "zh"):
        texts = {path.name: squeeze(text(path)) for path in sorted((folder / corpus).iterdir())}
        for row in rows():
            for group in row["must"]:
                for pattern in group:
                    re.compile(pattern)
            if row["corpus"] == corpus:
                for evidence in row["evidence"]:
                    places = [name for name, t in texts.items() if squeeze(evidence) in t]
                    print(row["id"], repr(evidence), ", ".join(places) or "NO EVIDENCE")


if len(sys.argv) == 3 and sys.argv[1] == "--check":
    check(pathlib.Path(sys.argv[2]))
else:
    out = pathlib.Path(__file__).with_name("questions3.jsonl")
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows()))
