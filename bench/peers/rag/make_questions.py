#!/usr/bin/env python3
"""Writes questions.jsonl. Each line: id, lang, corpus, question, answerable, evidence (any of these strings in a passage makes
it a hit), must (every group needs one match, regular expressions, case-insensitive). The questions were written from the
Debian packages debian-faq, debian-handbook, debian-faq-zh-cn, maint-guide-zh-cn and debian-reference-zh-cn; see corpus.sh."""
import json, pathlib

EN = [  # question, evidence, must
("Which variable in /etc/adduser.conf names the template user whose quota new users get?", ["QUOTAUSER"], [["QUOTAUSER"]]),
("What port does the NFS server use by default?", ["usually mentions port 2049", "only port 2049"], [["2049"]]),
("Which NFS export option, enabled by default, maps queries from root to the nobody user?", ["root_squash option"], [["root_squash"]]),
("Which program automatically changes many quotas from a script?", ["setquota program can be used in a script"], [["setquota"]]),
("What happens when a hard quota limit would be exceeded?", ["will refuse any operation"], [["refus", "never be exceeded", "not be (allowed|permitted)", "den(y|ied)"]]),
("How do I define the grace period for soft quota limits?", ["edquota -t"], [["edquota -t"]]),
("Which command shows the list of tasks scheduled with at?", ["with the atq command"], [["\\batq\\b"]]),
("How can I cancel a task that was scheduled with at?", ["run atrm task-number"], [["\\batrm\\b"]]),
("How do you run a command once just after the computer boots with cron?", ["@reboot macro"], [["@reboot"]]),
("Which package keeps the official Debian archive keys up to date?", ["debian-archive-keyring package"], [["debian-archive-keyring"]]),
("What is the difference between InRelease and Release files?", ["cryptographically signed in-line"], [["in-?line", "detached", "Release\\.gpg"]]),
("Which shell initialization script does bash use for login shells?", ["and /etc/profile for"], [["/etc/profile"]]),
("Where should system-wide environment variables be placed?", ["in the /etc/environment file"], [["/etc/environment"]]),
("Where does the name of the tar command come from?", ["Tape ARchive"], [["tape archive"]]),
("Which file contains dirvish's main configuration?", ["/etc/dirvish/master.conf"], [["master\\.conf"]]),
("Which program produces incremental differences from binary dumps?", ["xdelta program"], [["xdelta"]]),
("How long are ordinary daily backups kept in the dirvish example of Falcot Corp?", ["are kept for 15 days", "expire-default: +15 days"], [["15 days", "fifteen"]]),
("What does deleting a hard link do when another name for the file remains?", ["only removes one of the names"], [["only (remove|delete)s? (one|that|the)", "remain"]]),
("Who created the Debian Project and in which year?", ["created by Ian Murdock in 1993"], [["Ian Murdock"], ["1993"]]),
("How is the word Debian pronounced?", ["pronounced Deb'-ee-en"], [["deb'?-?ee-?en"]]),
("Whose names does the word Debian come from?", ["Debra and Ian Murdock"], [["Debra"], ["Ian"]]),
("How many architectures does Debian run on according to the FAQ?", ["runs on 9 architectures"], [["\\b9\\b", "\\bnine\\b"]]),
("Which Debian distribution should I install on a server exposed to the Internet?", ["exposed to the Internet, install stable", "install stable. period"], [["\\bstable\\b"]]),
("Can I go back from unstable to stable?", ["it is a one way process", "reverse direction is not"], [["\\bnot?\\b", "one.way", "not possible", "possible"]]),
("How often are the Debian archives updated every day?", ["updated twice every day"], [["twice", "two times"]]),
("Which tool tells me which Debian release an installed system is running?", ["You can also use lsb_release"], [["lsb_release", "sources\\.list"]]),
("What should I do with the security update lines in sources.list when running unstable?", ["remove the lines relating to security updates"], [["remov|delet"]]),
("What is the unstable distribution always called?", ["Unstable is always called Sid", "Unstable is always referred to as sid"], [["\\bsid\\b"]]),
("What is the Hurd?", ["set of servers running on top of the GNU Mach microkernel"], [["servers"], ["Mach|microkernel"]]),
("Which kernel option must be compiled in to use the quota system?", ["CONFIG_QUOTA"], [["CONFIG_QUOTA"]]),
("Which mount options activate user and group quotas in /etc/fstab?", ["usrquota and grpquota"], [["usrquota"], ["grpquota"]]),
("Which option lifts the restriction that NFS clients connect from a port below 1024?", ["lifted by the insecure option"], [["insecure"]]),
("Which NFSv4 security level encrypts the data for privacy?", ["sec=krb5p is the most complete"], [["krb5p"]]),
("How can APT be forced to accept an unsigned repository?", ["allow-insecure=yes or trusted=yes", "trusted=yes"], [["trusted=yes|allow-insecure=yes"]]),
("What does the nosuid mount option do?", ["wipes any setuid or setgid bit"], [["setuid|setgid"]]),
("Which command warns users that they exceed their soft quota?", ["warnquota command"], [["warnquota"]]),
("Which package must be installed so that the NFS server starts automatically at boot?", ["nfs-kernel-server package should be installed"], [["nfs-kernel-server"]]),
("Why is Knoppix good for demonstration?", ["designed to be booted as a live CD"], [["live CD", "booted", "hardware"]]),
]
ZH = [
("Debian 计划是由谁在哪一年建立的？", ["1993 年由 Ian Murdock 建立"], [["Ian Murdock"], ["1993"]]),
("Debian 目前包含多少个软件包？", ["超过 59100 个软件包"], [["59100"]]),
("Debian 可以在多少种架构上运行？", ["可以在 9 种架构上运行"], [["9", "九"]]),
("Debian 这个名字是哪两个人名字的缩写？", ["这个单词是 Debra"], [["Debra"], ["Ian"]]),
("软件仓库每天更新几次？", ["软件仓库每日更新两次"], [["两次|2 ?次|二次|twice"]]),
("对稳定性有严格要求的服务器应该安装哪个发布版本？", ["打算运行一台服务器"], [["stable|稳定"]]),
("unstable 永远被称作什么？", ["unstable 永远被称作 sid", "Unstable 永远被称作 Sid"], [["\\bsid\\b|Sid"]]),
("可以从 unstable 降级到 stable 吗？", ["但这一过程是单向的"], [["单向|不可能|不能|不可以|不建议|困难|或许"]]),
("怎样知道我正在运行哪个 Debian 发布版本？", ["/etc/apt/sources.list 文件。会有类似", "您也可以使用 lsb_release"], [["sources\\.list|lsb_release"]]),
("GNU Mach 微内核上运行的一组服务器叫什么？", ["Hurd 是运行 GNU Mach 微内核的一组服务器"], [["Hurd"]]),
("笔记本硬件能否在 Linux 下工作可以查看哪个网站？", ["linux-on-laptops.com"], [["linux-on-laptops"]]),
("运行 unstable 时应当如何处理 sources.list 中关于安全更新的行？", ["删除关于安全更新的行"], [["删除|移除|去掉"]]),
("Knoppix 被设计为从哪里引导？", ["从 Live CD 引导"], [["Live ?CD|光盘"]]),
("从其他基于 Debian 的发行版迁移到 Debian 之前应当做什么？", ["您应当备份您的全部数据"], [["备份"]]),
("用什么命令签署 .dsc 和 .changes 文件？", ["那就用 debsign 命令", "必须用 debsign 命令签署"], [["debsign"]]),
("debian 目录中最重要的四个文件是哪些？", ["其中最重要的文件当属 control"], [["control"], ["changelog"], ["copyright"], ["rules"]]),
("control 文件中的简述不应超过多少个字符？", ["不应超过 60 个字符"], [["60|六十"]]),
("哪个命令在构建结束后对软件包进行静态检查？", ["lintian 命令，以在 Debian 软件包构建结束之后进行静态检查", "执行 lintian 命令"], [["lintian"]]),
("pbuilder 构建出的软件包放在哪个目录？", ["/var/cache/pbuilder/result"], [["/var/cache/pbuilder/result"]]),
("使用 dh 命令打包时 Build-Depends 必须包含什么？", ["必须在 Build-Depends 中包含 debhelper"], [["debhelper"]]),
("多个依赖软件包之间用什么符号分隔？", ["多个软件包应使用半角逗号分隔", "软件包名称间使用半角逗号分隔"], [["逗号|,"]]),
("哪个字段的依赖强于 Depends？", ["此项中的依赖强于 Depends 项", "Pre-Depends"], [["Pre-Depends"]]),
("独立于体系结构的软件包 Architecture 应该写什么？", ["将这项改变为 all", "独立于体系结构"], [["\\ball\\b"]]),
("系统主机名保存在哪个文件中？", ["此主机名保存在 \"/etc/hostname\""], [["/etc/hostname"]]),
("哪个文件规定主机名解析的顺序？", ["\"/etc/nsswitch.conf\" 文件里的"], [["nsswitch\\.conf"]]),
("引导加载程序是启动过程的第几阶段？", ["引导加载程序是启动过程的第二阶段"], [["第二|2|二"]]),
("Debian 8 之后 /sbin/init 是指向哪里的符号链接？", ["是一个到 \"/lib/systemd/systemd\""], [["/lib/systemd/systemd"]]),
("怎样设置默认的 target 为命令行系统？", ["systemctl set-default multi-user"], [["set-default"]]),
("用什么命令访问 systemd 的二进制日志？", ["可以通过 journalctl(1) 命令来访问"], [["journalctl"]]),
("modules.dep 由哪个程序生成？", ["文件由 depmod(8) 程序生成"], [["depmod"]]),
("需要预先加载的内核模块应在哪个文件中列出？", ["在\"/etc/modules\"文件里列出"], [["/etc/modules"]]),
("哪个程序显示当前内核加载了哪些模块？", ["lsmod(8) 程序"], [["lsmod"]]),
("mDNS 使用哪个 IPv4 组播地址？", ["224.0.0.251"], [["224\\.0\\.0\\.251"]]),
("迷你 Debian 系统通常被称为什么？", ["通常被称为 initrd"], [["initrd|initramfs"]]),
]
EN_NONE = ["What is the maximum number of pods per node in Kubernetes?", "Which port does the MongoDB server listen on by default?",
 "Who won the football World Cup in 2018?", "How do I enable two-factor authentication in a GitHub account?",
 "What is the default heap size of the Java virtual machine?", "Which Debian developer maintains the TensorFlow package in 2027?",
 "How do I configure a Windows Active Directory domain controller with PowerShell?", "What is the boiling point of liquid nitrogen?",
 "How many registers does a RISC-V processor have?", "Which command creates a new React application?",
 "How is the price of Amazon S3 storage calculated?", "What is the default grace period in days that edquota uses when none is set?",
 "In which city does Ian Murdock's university stand?", "What colour is the dirvish logo?", "Which license does the Oracle database use?"]
ZH_NONE = ["微信支付的手续费是多少？", "Kubernetes 中如何创建一个 Deployment？", "珠穆朗玛峰的高度是多少米？", "MongoDB 的默认端口是多少？",
 "如何在 Windows 上安装打印机驱动？", "北京到上海的高铁需要多长时间？", "Python 的列表推导式怎么写？", "Ian Murdock 毕业于哪所大学？",
 "pbuilder 的作者住在哪个城市？", "苹果手机如何恢复出厂设置？", "Redis 集群最多支持多少个节点？", "红烧肉怎么做？"]
out = pathlib.Path(__file__).with_name("questions.jsonl").open("w")
def put(**row): out.write(json.dumps(row, ensure_ascii=False) + "\n")
for lang, rows, none in (("en", EN, EN_NONE), ("zh", ZH, ZH_NONE)):
    for i, (q, ev, must) in enumerate(rows, 1):
        put(id=f"{lang}-{i:03}", lang=lang, corpus=lang, question=q, answerable=True, evidence=ev, must=must)
    for i, q in enumerate(none, 1):
        put(id=f"{lang}-x{i:02}", lang=lang, corpus=lang, question=q, answerable=False, evidence=[], must=[])
