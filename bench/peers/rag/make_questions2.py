#!/usr/bin/env python3
"""Writes questions2.jsonl: the second question set, over other texts (see corpus2.sh), held apart from the first. Every other question
is marked "held": nothing was tuned on those. Fields as in make_questions.py; `corpus` is the base asked, `cross` marks a question asked
in the other language than its documents. --check DIR looks for the evidence in the texts."""
import json
import pathlib
import re
import subprocess
import sys

EN = [
("Is SQLite free to use in a commercial product?", ["SQLite is in the public domain"], [["public domain", "\\byes\\b", "without paying"]]),
("The database file stays the same size after I delete rows. Which command shrinks it?", ["run the VACUUM command"], [["VACUUM"]]),
("How much temporary disk space can VACUUM need?", ["twice as much temporary disk space", "up to twice", "as much as twice"], [["twice|double|two times"]]),
("Since which version does SQLite support foreign keys, and are they enforced by default?", ["As of version 3.6.19"], [["3\\.6\\.19"], ["off|not enforced|not enabled|disabled|\\bno\\b"]]),
("How do I put a single quote inside an SQL string?", ["putting two single quotes in a row"], [["two single|O''clock|double the|doubl"]]),
("Why can SQLite only do a few dozen transactions per second?", ["limited by the rotational speed", "limited by disk drive speed"], [["rotation|disk drive speed|disk speed|disk platter|speed of your disk"]]),
("What is the default maximum number of columns in an SQLite table?", ["SQLITE_MAX_COLUMN is 2000"], [["2,?000"]]),
("How many databases can be attached at once by default, and what is the most it can be raised to?", ["set to 10 by default"], [["\\b10\\b|\\bten\\b"], ["\\b125\\b"]]),
("Which PRAGMA does a thorough integrity test and which one a faster one?", ["PRAGMA integrity_check"], [["integrity_check"], ["quick_check"]]),
("How can I list all tables in the sqlite3 command-line program?", ["to get a list of all tables"], [["\\.tables|\\.schema"]]),
("What does SQLite return when it tries to access a file locked by another process?", ["is to return SQLITE_BUSY"], [["SQLITE_BUSY"]]),
("Can several processes write to the same SQLite database at the same moment?", ["only one process can be making changes"], [["only one|\\bno\\b|\\bnot\\b|cannot|can't"]]),
("Is it a good idea to keep an SQLite database on an NFS filesystem?", ["avoid putting SQLite database files on NFS", "kept on an NFS filesystem"], [["avoid|\\bno\\b|\\bnot\\b|broken|caution|problem"]]),
("What is the maximum size of an SQLite database file?", ["281 terabytes"], [["281|256 ?(tebi|TiB)|4294967294|140"]]),
("What was nano called at first, and why was it renamed?", ["namespace conflict with another program"], [["\\bTIP\\b"], ["conflict|another program|another tool"]]),
("Who wrote the first version of nano?", ["Chris Allegretta"], [["Allegretta"]]),
("When was nano declared an official GNU program, and by whom?", ["In February 2001"], [["February 2001"], ["Stallman"]]),
("Which configure option of nano switches off nearly every extra feature?", ["--enable-tiny"], [["enable-tiny"]]),
("With which key do I paste from the clipboard into nano?", ["Shift+Insert will paste"], [["Shift ?\\+ ?Insert"]]),
("My numeric keypad does not work in nano when NumLock is off. What helps?", ["--rawsequences"], [["rawsequences|\\B-K\\b"]]),
("How do I make nano the default editor in bash?", ["export EDITOR=/usr/local/bin/nano"], [["EDITOR"]]),
("What should user.name be set to in Git?", ["You should put your personal name"], [["personal name|given name|family name"]]),
("How do I fix a mistake in my last commit?", ["git commit --amend", "commit --amend"], [["--amend"]]),
("What is the recommended way to undo a buggy change that is already in the main branch?", ["is to use `git revert`"], [["git revert"]]),
("Can Git ignore changes to a tracked file? Why or why not?", ["Git doesn't provide a way to do this"], [["\\bno\\b|\\bnot\\b|n't|cannot|unable"], ["overwrite|precious|safe"]]),
("Which credential helpers do Windows and macOS use with Git?", ["provides the `wincred` credential manager"], [["wincred"], ["osxkeychain"]]),
("What is the difference between git fetch and git pull?", ["A pull consists of a fetch followed"], [["fetch"], ["merge|rebase|working tree"]]),
("How do I stop tracking a file that I have since added to .gitignore?", ["git rm --cached"], [["git rm --cached|rm --cached"]]),
("On which side should hooks be put so that users cannot bypass them?", ["on the remote repository (i.e., the Git server)", "The only safe place"], [["remote|server|pre-receive"]]),
("How can a user bypass a pre-commit hook?", ["bypass these hooks with `--no-verify`", "--no-verify"], [["no-verify"]]),
("What exit code should a bisect run script give when the source cannot be tested?", ["special exit code 125"], [["\\b125\\b"]]),
("Where does Git keep the latest stash?", ["stored in `refs/stash`"], [["refs/stash"]]),
("What happens to the stash entry when git stash pop runs into conflicts?", ["it is not removed from the stash list", "not removed from the stash list"], [["not removed|remains?|stays?|isn't removed|kept|git stash drop"]]),
("How do I keep the files of a worktree on a portable drive from being pruned?", ["issuing the `git worktree lock`"], [["git worktree lock|worktree lock"]]),
("Which option makes git clean only show what it would do?", ["Don't actually remove anything"], [["--dry-run|\\B-n\\b"]]),
("Does git clean remove ignored files?", ["ignored files are also removed"], [["\\B-x\\b|\\bnot?\\b|only files unknown"]]),
("Are subdirectories allowed in /bin?", ["There must be no subdirectories in /bin"], [["\\bnot?\\b|must be no|cannot"]]),
("What is /mnt for according to the FHS?", ["temporarily mount a filesystem", "mounting a filesystem temporarily", "temporarily mounted"], [["temporar"]]),
("May programs rely on files in /tmp surviving between invocations?", ["are preserved between invocations"], [["\\bnot?\\b|cannot"]]),
("Which directory holds the static files of the boot loader?", ["Static files of the boot loader"], [["/boot|\\bboot\\b"]]),
("What must /usr/lib/sendmail be, for historical reasons?", ["/usr/lib/sendmail must be a symbolic link"], [["symbolic link|symlink"]]),
("How long must the language field of a manual page directory be?", ["It must be two characters wide"], [["two|\\b2\\b"]]),
("Why may the data in /var/cache be deleted without harm?", ["without data loss"], [["regenerat|restore|data loss"]]),
("Where should a program store the score files of a game?", ["should be placed in /var/games", "/var/games"], [["/var/games"]]),
]
ZH = [
("Debian 安装程序支持多少种语言？", ["超过 80 种", "超过 80种", "超过80 种", "80 种语言", "80种语言"], [["80"]]),
("Linux 内核是哪一年首次面世的，作者是谁？", ["首次面世是在 1991 年"], [["1991"], ["Linus|Torvalds"]]),
("GNU/Linux 系统的开发工作始于哪一年？", ["开始于 1984 年"], [["1984"]]),
("普通安装至少需要多少内存和多少硬盘空间？", ["780MB 的内存和", "780MB"], [["780"], ["1160"]]),
("安装程序最初由谁在哪一年提出？", ["由 Joey Hess 在 2000 年", "Joey Hess"], [["Joey Hess"], ["2000"]]),
("没有桌面的系统推荐多少内存？", ["│无桌面的系统", "无桌面的系统"], [["512"]]),
("桌面系统需要多大的硬盘空间？", ["桌面系统"], [["10 ?GB"]]),
("图形安装程序需要多少内存才能运行？", ["810MB"], [["810"]]),
("安装时创建的密码至少应该有几个字符？", ["至少 6 个字符"], [["6|六"]]),
("串口控制台默认的终端类型是什么？", ["终端类型是 vt102", "vt102"], [["vt102"]]),
("写入 U 盘时，映像应该写到 /dev/sdb 还是 /dev/sdb1？", ["必须写入整个盘设备上"], [["整个|/dev/sdb(?!1)"]]),
("ISDN 能在安装阶段使用吗？", ["不过不能在安装阶段使用", "ISDN 虽也获得支持"], [["不能|不可以|无法|不支持"]]),
("建立用户时，默认新建的第一个用户用什么命令执行管理任务？", ["第一个用户使用 sudo", "使用 sudo"], [["sudo"]]),
("语音合成的语速太慢，按什么键可以加快？", ["默认语速很慢"], [["CapsLock ?[-+] ?6"]]),
("/var 分区最少应该分配多大空间？", ["最少分配 200MB", "200MB 的空间给"], [["200"]]),
("多数情况下默认选择的文件系统是什么？", ["默认的文件系统选择的是 ext4", "选择的是 ext4"], [["ext4"]]),
("双击网页上下载的文件找不到了，浏览器可能把它存到哪个文件夹？", ["Check the `Desktop` and `Downloads` folders", "`Downloads` folders"], [["Downloads|下载"]]),
("MAC 地址由几组字符组成？", ["MAC 地址由六组两位字符组成"], [["六|6"]]),
("WEP、WPA 和 WPA2 中哪个最安全？", ["WPA2 是三者中最安全的一个"], [["WPA2"]]),
("手指太干燥无法注册指纹怎么办？", ["稍稍打湿手指"], [["湿"]]),
("小键盘控制鼠标时，按 8 和按 2 分别是什么方向？", ["按8是向上", "按8 是向上"], [["上"], ["下"]]),
("为什么估计的电池剩余时间会不准确？", ["系统只能对剩余的电池寿命量进行估计", "只能对剩余的电池寿命"], [["估计|估算"]]),
("家庭照片和音乐这类很少改变的数据多久备份一次就够了？", ["每周甚至每月备份一次"], [["每周|每月|周|月"]]),
("支持哪些比色卡类型？", ["CMP DigitalTarget"], [["ColorChecker|DigitalTarget"], ["QPcard|IT8|i1|LaserSoft|ColorChecker"]]),
("删除的文件会被移到哪里？", ["移到回收站", "被放入回收站"], [["回收站"]]),
("好的密码应该包含哪些字符？", ["在密码中使用大小写字母、数字"], [["大小写"], ["数字"]]),
("HP 打印机的驱动程序由哪个项目提供？", ["HP Linux 成像和打印"], [["HPLIP|HP Linux"]]),
("一个 Calc 文档最多可以有多少个工作表？", ["最多 10,000 个工作表"], [["10,?000|一万"]]),
("新建的电子表格默认显示几个工作表？", ["默认情况下每个新的电子表格显示三个工作表"], [["三|3"]]),
("忘记了工作表保护密码还能取消保护吗？", ["如果忘记了密码，将无法停用保护功能"], [["不能|无法|不可以|不行|否"]]),
("怎样在 Calc 单元格里显示公式而不是结果？", ["选中「公式」框", "在「显示」窗口内选中", "选中「公式」复选框"], [["公式"], ["视图|选项|显示"]]),
("单元格保护什么时候才有效？", ["只有当您保护整个表格时才有效"], [["整个|保护工作表|保护表格"]]),
("绘制不规则线条时如何结束线条的绘制？", ["释放鼠标按钮完成此线条的绘制"], [["释放|松开"]]),
("怎样以 HTML 格式保存演示文稿？", ["将「文件类型」设置为「HTML 文档"], [["导出"], ["HTML"]]),
("文字中含有公式 12+24*2，用哪个快捷键可以计算结果？", ["选择「工具 - 计算」"], [["Ctrl ?\\+ ?(加号|\\+|\\(\\+)|工具 ?- ?计算|加号"]]),
("怎样把两页并排打印在一张纸上？", ["「每张纸打印页数」框中选择「2」"], [["2|两"], ["每张纸打印页数|打印页数|Page Layout|页面"]]),
("怎样删除整个表格？", ["要删除整个表格"], [["表格 ?[-–] ?删除 ?[-–] ?表格|删除"]]),
("CSV 文件的单元格之间可以用什么分隔？", ["可以使用逗号、分号"], [["逗号"], ["分号"]]),
("邮件合并时 HTML 文档里的图像会随电子邮件发送吗？", ["都不会随电子邮件发送"], [["不会|不能|否"]]),
("debmake 命令是为了替代哪个命令而设计的？", ["旨在替代历史上由"], [["dh_make"]]),
("Debian 开发者和 Debian 维护者的上传权限有什么不同？", ["拥有向 Debian 官方仓库上传的全部权限", "拥有对 Debian 官方仓库部分上传权限"], [["全部"], ["部分"]]),
("哪个命令可以检查已安装软件中需要接手或已被丢弃的软件包？", ["wnpp-alert 命令可以检查"], [["wnpp-alert"]]),
("debian-mentors 邮件列表是为谁准备的？", ["这个邮件列表为专为新手答疑解惑", "新手答疑解惑"], [["新手"]]),
("如果本指南与官方 Debian 文档有冲突，以哪个为准？", ["官方的那些总是对的"], [["官方"]]),
("简体中文讨论应该用哪个邮件列表？", ["debian-chinese-gb"], [["debian-chinese-gb"]]),
]
EN_NONE = ["Which encryption algorithm does SQLite use to protect database files by default?", "How many developers work on SQLite full time?",
 "How do I enable two-factor authentication for git.example.org?", "What colour does nano use for comments by default?",
 "Which keystroke opens the spreadsheet view in nano?", "What is the default port of the SQLite server?",
 "How do I mount an FTP server under /mnt?", "Which company sponsors the development of git bisect?",
 "How tall is the Eiffel Tower?", "What does a Kubernetes liveness probe do?", "How do I bake sourdough bread?",
 "What is the maximum number of users in a PostgreSQL cluster?"]
ZH_NONE = ["LibreOffice Calc 是由哪家公司收购的？", "安装程序的图标是谁设计的？", "怎样在 Calc 中连接 Oracle 数据库服务器的端口？",
 "GNOME 桌面的开发一共花费了多少钱？", "WPA3 的密钥长度是多少位？", "Joey Hess 出生在哪个国家？", "debmake 的年下载量是多少？",
 "指纹识别的误识率是多少？", "上海今天的天气怎么样？", "怎样申请日本的旅游签证？", "如何在 iPhone 上安装微信？", "鲁迅的原名是什么？"]
CROSS = [  # language of the question, base asked, question, evidence, must
("zh", "en", "SQLite 默认最多可以 ATTACH 多少个数据库？", ["set to 10 by default"], [["10|十"]]),
("zh", "en", "git clean 的 dry-run 选项是什么？", ["Don't actually remove anything"], [["-n|--dry-run"]]),
("zh", "en", "nano 编辑器的作者是谁？", ["Chris Allegretta"], [["Allegretta"]]),
("zh", "en", "/var/games 目录用来存放什么？", ["should be placed in /var/games", "relating to games", "/var/games"], [["游戏|game|score"]]),
("en", "zh", "Which command does debmake replace?", ["旨在替代历史上由"], [["dh_make"]]),
("en", "zh", "What is wnpp-alert for?", ["wnpp-alert 命令可以检查"], [["orphan|adopt|丢弃|接手|abandon|check"]]),
("en", "zh", "Which is the most secure: WEP, WPA or WPA2?", ["WPA2 是三者中最安全的一个"], [["WPA2"]]),
("en", "zh", "Who proposed the debian-installer in 2000?", ["Joey Hess"], [["Joey Hess"]]),
]


def rows():
    for lang, yes, no in (("en", EN, EN_NONE), ("zh", ZH, ZH_NONE)):
        for i, (question, evidence, must) in enumerate(yes, 1):
            yield dict(id=f"{lang}2-{i:03}", lang=lang, corpus=lang, question=question, answerable=True, evidence=evidence, must=must,
                       held=i % 2 == 0)
        for i, question in enumerate(no, 1):
            yield dict(id=f"{lang}2-x{i:02}", lang=lang, corpus=lang, question=question, answerable=False, evidence=[], must=[],
                       held=i % 2 == 0)
    for i, (lang, corpus, question, evidence, must) in enumerate(CROSS, 1):
        yield dict(id=f"{lang}2-c{i:02}", lang=lang, corpus=corpus, question=question, answerable=True, evidence=evidence, must=must,
                   held=i % 2 == 0, cross=True)


def check(folder):
    import html

    squeeze = lambda t: re.sub(r"\s+", " ", t).lower()
    for corpus in ("en", "zh"):
        text = ""
        for path in sorted((folder / corpus).iterdir()):
            if path.suffix == ".pdf":
                text += subprocess.run(["pdftotext", str(path), "-"], capture_output=True, text=True).stdout
            elif path.suffix == ".html":
                text += html.unescape(re.sub(r"<[^>]+>", "", path.read_text(errors="replace")))
            else:
                text += path.read_text(errors="replace")
        text = squeeze(text)
        for row in rows():
            if row["corpus"] == corpus and row["answerable"] and not any(squeeze(e) in text for e in row["evidence"]):
                print("no evidence for", row["id"], row["question"], row["evidence"])


if len(sys.argv) == 3 and sys.argv[1] == "--check":
    check(pathlib.Path(sys.argv[2]))
else:
    out = pathlib.Path(__file__).with_name("questions2.jsonl")
    out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows()))
