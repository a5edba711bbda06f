#!/usr/bin/env python3
"""Facts taken out of sentences by a local model held to a JSON Schema: 200 sentences, half Chinese, at temperature 1.

Asks a running server (`tenon serve`, or any other with OpenAI's chat completions), validates every answer with the
`jsonschema` package, and counts how many of the facts are right. Usage: extraction.py BASE_URL MODEL
"""
import concurrent.futures
import itertools
import json
import random
import sys
import urllib.request

import jsonschema

SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["name", "age", "city", "job", "skills"],
    "properties": {
        "name": {"type": "string", "minLength": 1}, "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "city": {"type": "string", "minLength": 1},
        "job": {"enum": ["nurse", "teacher", "driver", "cook", "engineer"]},
        "skills": {"type": "array", "minItems": 1, "maxItems": 4, "items": {"type": "string", "minLength": 1}}}}
JOBS = {"nurse": "护士", "teacher": "老师", "driver": "司机", "cook": "厨师", "engineer": "工程师"}
ENGLISH = (["Ada Berg", "Noah Okoro", "Mila Novak", "Tom Silva", "Ines Haddad"], ["Oslo", "Porto", "Nairobi", "Quebec"],
           ["chess", "swimming", "pottery", "sailing", "carpentry", "the flute"])
CHINESE = (["王芳", "李强", "陈静怡", "赵磊", "欧阳雪"], ["北京", "成都", "哈尔滨", "厦门"],
           ["下棋", "游泳", "陶艺", "摄影", "木工", "书法"])


def cases():
    chance = random.Random(2024)
    for zh in (False, True):
        names, cities, skills = CHINESE if zh else ENGLISH
        for name, city, job in itertools.islice(itertools.product(names, cities, JOBS), 100):
            age, some = chance.randint(19, 67), chance.sample(skills, 2)
            if zh:
                text = f"{name}今年{age}岁，在{city}当{JOBS[job]}，业余喜欢{some[0]}和{some[1]}。"
            else:
                text = f"{name}, {age}, works as {'an' if job[0] == 'e' else 'a'} {job} in {city} and is good at {some[0]} and {some[1]}."
            yield text, {"name": name, "age": age, "city": city, "job": job, "skills": some}


def ask(number, text):
    body = {"model": sys.argv[2], "temperature": 1, "seed": number, "max_tokens": 200,
            "messages": [{"role": "system", "content": "Take the facts out of the sentence, in its own words."},
                         {"role": "user", "content": text}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}}}
    request = urllib.request.Request(sys.argv[1].rstrip("/") + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=600))["choices"][0]


def main():
    count = {"prompts": 0, "valid": 0, "cut": 0, "all facts right": 0, **{key: 0 for key in SCHEMA["required"]}}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        jobs = [(wanted, pool.submit(ask, n, text)) for n, (text, wanted) in enumerate(cases())]
        for wanted, job in jobs:
            choice = job.result()
            count["prompts"] += 1
            count["cut"] += choice["finish_reason"] == "length"
            try:
                got = json.loads(choice["message"]["content"])
                jsonschema.validate(got, SCHEMA)
            except (json.JSONDecodeError, jsonschema.ValidationError) as problem:
                print("not valid:", choice["message"]["content"], str(problem).splitlines()[0], file=sys.stderr)
                continue
            count["valid"] += 1
            right = {key: got[key] == wanted[key] for key in SCHEMA["required"]}
            right["skills"] = sorted(got["skills"]) == sorted(wanted["skills"])
            for key, value in right.items():
                count[key] += value
            count["all facts right"] += all(right.values())
    print(json.dumps(count))


if __name__ == "__main__":
    main()
