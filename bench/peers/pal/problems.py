#!/usr/bin/env python3
"""Sixty arithmetic word problems, half of them Chinese, each with the expression that solves it. Run it to write
problems.jsonl, whose answers are computed here."""
import json
import sys
from fractions import Fraction
from pathlib import Path

ENGLISH = [
    ("A baker makes 14 trays of 24 rolls and sells 279 rolls. How many rolls are left?", "14*24 - 279"),
    ("Tickets cost 17 dollars for adults and 9 dollars for children. What do 23 adults and 48 children pay together?", "23*17 + 48*9"),
    ("A tank holds 1350 litres. It is 40 percent full, and then 215 litres are added. How many litres are in it?", "1350*Fraction(2,5) + 215"),
    ("A train travels 84 kilometres an hour for 2.5 hours and then 96 kilometres an hour for 1.5 hours. How many kilometres has it gone?", "84*Fraction(5,2) + 96*Fraction(3,2)"),
    ("Nora reads 37 pages on each weekday and 62 pages on each day of the weekend. How many pages does she read in 6 weeks?", "6*(5*37 + 2*62)"),
    ("A shirt costs 80 dollars. Its price is lowered by 15 percent and then raised by 10 dollars. What does it cost now?", "80*Fraction(85,100) + 10"),
    ("A farmer has 5 fields of 128 apple trees. Each tree gives 36 kilograms. How many tonnes are that?", "Fraction(5*128*36, 1000)"),
    ("Four friends share a bill of 187 dollars and a tip of 20 percent of it equally. How many dollars does each pay?", "Fraction(187*6, 5*4)"),
    ("A printer prints 18 pages a minute. How many minutes does it need for 12 copies of a book of 135 pages?", "Fraction(12*135, 18)"),
    ("Liam saves 45 dollars in January and each month 12 dollars more than the month before. How much has he saved by the end of June?", "sum(45 + 12*i for i in range(6))"),
    ("A rectangle is 3 times as long as it is wide. It is 17 metres wide. What is its perimeter in metres?", "2*(17 + 51)"),
    ("A box of 48 pencils costs 21.60 dollars. What do 350 pencils cost at the same price each?", "Fraction(2160, 4800)*350"),
    ("In a school of 864 pupils there are 96 more girls than boys. How many boys are there?", "Fraction(864 - 96, 2)"),
    ("A car uses 6.5 litres for 100 kilometres. How many litres does it use for 740 kilometres?", "Fraction(65, 1000)*740"),
    ("Mia is 4 years younger than twice the age of her brother, who is 19. How old is Mia?", "2*19 - 4"),
    ("A shop buys 250 cups for 3.20 dollars each, breaks 14 of them and sells the rest for 5.50 dollars each. What is its profit in dollars?", "(250-14)*Fraction(55,10) - 250*Fraction(32,10)"),
    ("A pool is filled by two pipes of 75 and 120 litres a minute, while 35 litres a minute leak out. How many minutes does it take to fill 20000 litres?", "Fraction(20000, 75+120-35)"),
    ("A hall has 22 rows. The first has 15 seats, and each row has 2 seats more than the one before. How many seats are there?", "sum(15 + 2*i for i in range(22))"),
    ("Sam walks 650 metres to school and back on 5 days a week. How many kilometres does he walk in 38 weeks?", "Fraction(650*2*5*38, 1000)"),
    ("A rope of 91 metres is cut into two pieces, one of them 2.5 times as long as the other. How long is the shorter one?", "Fraction(91*2, 7)"),
    ("A city of 64000 people grows by 5 percent in a year and by 5 percent again in the next. How many people live there then?", "64000*Fraction(105,100)**2"),
    ("Eggs are packed in boxes of 12 and boxes in crates of 15. How many whole crates do 3000 eggs fill?", "3000 // (12*15)"),
    ("A worker earns 18 dollars an hour and half as much again for each hour over 40. What does he earn for 47 hours?", "40*18 + 7*27"),
    ("The average of five numbers is 46. Four of them are 38, 51, 44 and 60. What is the fifth?", "5*46 - 38 - 51 - 44 - 60"),
    ("A recipe for 6 people needs 450 grams of flour. How many grams are needed for 16 people?", "Fraction(450*16, 6)"),
    ("A library has 8450 books. It lends 1275, gets 640 of them back and buys 212 new ones. How many books are in it now?", "8450 - 1275 + 640 + 212"),
    ("A clock loses 4 minutes a day. How many hours has it lost after 90 days?", "Fraction(4*90, 60)"),
    ("There are 54 rabbits and hens on a farm, with 148 legs together. How many rabbits are there?", "Fraction(148 - 2*54, 2)"),
    ("A phone costs 720 dollars. Ava pays a quarter at once and the rest in 9 equal parts. How much is each part?", "Fraction(720*3, 4*9)"),
    ("A cube has an edge of 12 centimetres. How many cubes with an edge of 3 centimetres does it hold?", "(12//3)**3"),
]
CHINESE = [
    ("食堂运来 36 袋大米，每袋 25 千克，已经吃了 485 千克。还剩多少千克？", "36*25 - 485"),
    ("成人票每张 45 元，儿童票每张 28 元。17 名成人和 32 名儿童一共要付多少元？", "17*45 + 32*28"),
    ("一桶油重 240 千克，用去它的八分之三，又加进 35 千克。现在有多少千克油？", "240*Fraction(5,8) + 35"),
    ("一辆汽车先以每小时 72 千米行驶 3 小时，再以每小时 90 千米行驶 2.5 小时。一共行驶了多少千米？", "72*3 + 90*Fraction(5,2)"),
    ("小丽平时每天写 18 个字，周末每天写 40 个字。她 8 个星期一共写多少个字？", "8*(5*18 + 2*40)"),
    ("一件大衣原价 560 元，先打八折，再用一张 48 元的优惠券。实际付多少元？", "560*Fraction(8,10) - 48"),
    ("果园有 7 块地，每块种 96 棵桃树，每棵产桃 45 千克。一共产桃多少吨？", "Fraction(7*96*45, 1000)"),
    ("5 个同学平均分摊一顿 268 元的饭钱和 32 元的打车费。每人付多少元？", "Fraction(268+32, 5)"),
    ("一台打字机每分钟打 75 个字。打完 4 篇各 2250 字的文章要多少分钟？", "Fraction(4*2250, 75)"),
    ("小强第一天跑 800 米，以后每天比前一天多跑 150 米。7 天一共跑多少米？", "sum(800 + 150*i for i in range(7))"),
    ("长方形的长是宽的 4 倍，宽 13 米。它的面积是多少平方米？", "13*52"),
    ("12 本练习本 19.2 元。照这样计算，买 85 本要多少元？", "Fraction(192, 120)*85"),
    ("两个班共有 97 人，甲班比乙班多 5 人。乙班有多少人？", "Fraction(97-5, 2)"),
    ("一台空调每小时用电 1.2 度。每天开 6 小时，30 天用电多少度？", "Fraction(12,10)*6*30"),
    ("爸爸今年 41 岁，比小明年龄的 3 倍还多 2 岁。小明今年多少岁？", "Fraction(41-2, 3)"),
    ("商店以每箱 54 元进了 40 箱橘子，坏了 3 箱，其余每箱卖 78 元。赚了多少元？", "37*78 - 40*54"),
    ("一个水池每分钟进水 48 升，同时漏水 13 升。蓄满 4200 升水要多少分钟？", "Fraction(4200, 48-13)"),
    ("剧场有 20 排座位，第一排 18 个，以后每排比前一排多 3 个。一共有多少个座位？", "sum(18 + 3*i for i in range(20))"),
    ("甲乙两地相距 630 千米，两车同时从两地相对开出，速度分别是每小时 58 千米和 47 千米。几小时后相遇？", "Fraction(630, 58+47)"),
    ("一根绳子长 126 米，剪成两段，长的一段是短的一段的 2.5 倍。短的一段长多少米？", "Fraction(126*2, 7)"),
    ("存款 20000 元，年利率 3%，利息计入本金，两年后一共有多少元？", "20000*Fraction(103,100)**2"),
    ("每盒装 8 块月饼，每箱装 12 盒。2000 块月饼最多能装满几箱？", "2000 // 96"),
    ("工人每小时工资 24 元，超过 40 小时的部分按 1.5 倍计算。他这周工作 46 小时，工资是多少元？", "40*24 + 6*36"),
    ("四次测验的平均分是 88 分，前三次分别是 82、91、85 分。第四次是多少分？", "4*88 - 82 - 91 - 85"),
    ("做 4 人份的汤要 600 毫升水。做 15 人份要多少毫升水？", "Fraction(600*15, 4)"),
    ("图书馆有 5600 本书，借出 835 本，还回 418 本，又新买 260 本。现在馆里有多少本书？", "5600 - 835 + 418 + 260"),
    ("一块手表每小时快 3 秒，5 天一共快多少分钟？", "Fraction(3*24*5, 60)"),
    ("鸡兔同笼，共有 35 个头，94 只脚。兔有多少只？", "Fraction(94 - 2*35, 2)"),
    ("一台电脑 5400 元，先付三分之一，其余分 8 个月平均付清。每个月付多少元？", "Fraction(5400*2, 3*8)"),
    ("一个长方体长 20 厘米、宽 15 厘米、高 12 厘米，最多能装多少个棱长 5 厘米的正方体？", "(20//5)*(15//5)*(12//5)"),
]


def rows():
    for language, problems in (("en", ENGLISH), ("zh", CHINESE)):
        for question, expression in problems:
            answer = Fraction(eval(expression))
            assert answer.denominator in (1, 2, 4, 5, 10, 20, 25, 50, 100), (question, answer)
            yield {"language": language, "question": question, "answer": float(answer)}


if __name__ == "__main__":
    assert len(ENGLISH) == len(CHINESE) == 30
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("problems.jsonl")
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows()), encoding="utf-8")
