#!/usr/bin/env python3
"""Questions over bases of one or two short files, as a newcomer tries them: retrieval knows little about rarity there.

Usage: small_bases.py TENON [MODEL]; needs its models under TENON_HOME. Prints a line for each question and the counts; a
right answer holds a given text, in its own words or quoted."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

tenon, model = sys.argv[1], sys.argv[2:]
# name: files, (question, what the answer holds), questions that the files do not answer
BASES = {
    "phone": (
        {"a.txt": "The Falcon 7 phone has a battery that lasts 31 hours of video. It weighs 180 g and costs 499 euros."},
        [("How long does the battery last?", "31"),
         ("How much does the Falcon 7 weigh?", "180"),
         ("What does the phone cost?", "499")],
        ["Who founded the company?", "Is the Falcon 7 waterproof?", "What is the capital of France?"],
    ),
    "zhphone": (
        {"a.md": "# 猎鹰手机\n\n电池可以连续播放视频三十一个小时。重量为一百八十克，售价四千元。\n"},
        [("电池能用多久？", "三十一"),
         ("猎鹰手机有多重？", "一百八十"),
         ("猎鹰手机的售价是多少？", "四千")],
        ["公司的创始人是谁？", "手机防水吗？", "法国的首都是哪里？"],
    ),
    "house": (
        {"rules.md": "# House rules\n\nQuiet hours are from 22:00 to 7:00. Bicycles are kept in the cellar.\n\n## Laundry\n\nThe washing machine may be used on weekdays. A token costs 2 euros and is sold by the caretaker, Mr. Brandt.\n",
         "bins.txt": "Paper bins are emptied on the first Monday of the month. Glass goes to the container in Mill Street."},
        [("When are the quiet hours?", "22"),
         ("Where are bicycles kept?", "cellar"),
         ("Who sells the tokens for the washing machine?", "Brandt"),
         ("When are the paper bins emptied?", "Monday"),
         ("Where does glass go?", "Mill")],
        ["How much is the rent?", "Are dogs allowed?", "Who is the owner of the house?", "What is the wifi password?"],
    ),
    "zhrules": (
        {"a.txt": "图书馆周一至周五上午九点开门，晚上八点关门。每人最多可以借五本书，借期为三十天。逾期每天罚款两角。",
         "b.txt": "自习室在二楼，需要预约。打印机在一楼大厅，每页一角。"},
        [("图书馆几点开门？", "九点"),
         ("每人最多可以借几本书？", "五"),
         ("借期是多少天？", "三十"),
         ("自习室在几楼？", "二楼"),
         ("逾期怎么罚款？", "两角")],
        ["图书馆的馆长是谁？", "有没有停车场？", "可以带宠物吗？", "年费是多少？"],
    ),
    "server": (
        {"README.md": "# Heron\n\nHeron is a small mail server. It listens on port 2525 unless HERON_PORT says otherwise. Logs go to /var/log/heron.log. To add a user, run `heron adduser NAME`.\n"},
        [("Which port does Heron listen on?", "2525"),
         ("How do I add a user?", "adduser"),
         ("Where do the logs go?", "heron.log"),
         ("Heron 监听哪个端口？", "2525")],
        ["Does Heron support IPv6?", "Which database does Heron use?", "Who maintains Heron?"],
    ),
}


def ask(home, question, name):
    command = [tenon, "ask", question, "--from", name, "--json", *(["--model", model[0]] if model else [])]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "TENON_HOME": home}).stdout)


def main():
    installed = pathlib.Path(os.environ.get("TENON_HOME") or pathlib.Path.home() / ".local/share/tenon") / "models"
    counts = {"right": 0, "wrong": 0, "refused": 0, "rightly refused": 0, "answered all the same": 0}
    with tempfile.TemporaryDirectory() as folder:
        home = os.path.join(folder, "home")
        os.mkdir(home)
        os.symlink(installed, os.path.join(home, "models"))
        for name, (files, answerable, others) in BASES.items():
            docs = pathlib.Path(folder, name)
            docs.mkdir()
            for file, text in files.items():
                (docs / file).write_text(text)
            subprocess.run([tenon, "index", docs, "--into", name], check=True, capture_output=True, env={**os.environ, "TENON_HOME": home})
            for question, wanted in [*answerable, *((q, None) for q in others)]:
                answer = ask(home, question, name)
                if wanted is None:
                    kind = "answered all the same" if answer["answerable"] else "rightly refused"
                else:
                    kind = "refused" if not answer["answerable"] else "right" if wanted in answer["answer"] else "wrong"
                counts[kind] += 1
                print(f"{kind:<22}{answer['confidence']:.2f}  {question}")
    print(", ".join(f"{n} {kind}" for kind, n in counts.items()))


if __name__ == "__main__":
    main()
