#!/usr/bin/env python3
"""Makes data/prices.json: what providers ask for a million tokens, in US dollars, on the day it is run.

The figures are the ones the package genai-prices has collected from the providers' price pages. Run with
    pip install genai-prices
    tools/prices/prices.py
"""
import datetime
import importlib.metadata
import json
import pathlib

from genai_prices import types
from genai_prices.data_snapshot import get_snapshot

OUT = pathlib.Path(__file__).resolve().parents[2] / "data/prices.json"
PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "google": "gemini", "deepseek": "deepseek", "moonshotai": "moonshot",
             "mistral": "mistral", "x-ai": "xai", "groq": "groq", "cohere": "cohere"}
TODAY = datetime.date.today()


def current(prices):
    """The price that holds today, outside hours of discount."""
    if not isinstance(prices, list):
        return prices
    now = None
    for one in prices:
        begins = getattr(one.constraint, "start_date", None)
        if one.constraint is None or (begins is not None and begins <= TODAY):
            now = one.prices
    return now


def rates(price, tier=None):
    def at(value):
        if value is None:
            return None
        if isinstance(value, types.TieredPrices):
            value = value.tiers[tier].price if tier is not None and tier < len(value.tiers) else value.base
        return float(value)

    out = {"input": at(price.input_mtok), "cached_input": at(price.cache_read_mtok), "cache_write": at(price.cache_write_mtok),
           "output": at(price.output_mtok)}
    return {k: int(v) if v == int(v) else v for k, v in out.items() if v is not None}


def main():
    lines = []
    for provider in get_snapshot().providers:
        if provider.id not in PROVIDERS:
            continue
        for model in provider.models:
            price = current(model.prices)
            if provider.id == "google" and not model.id.startswith("gemini"):
                continue
            if price is None or price.input_mtok is None or "/" in model.id or ":" in model.id:
                continue
            entry = {"provider": PROVIDERS[provider.id], "model": model.id, **rates(price)}
            if isinstance(price.input_mtok, types.TieredPrices) and price.input_mtok.tiers:
                entry["above"] = {"tokens": price.input_mtok.tiers[0].start, **rates(price, 0)}
            entry |= {"as_of": TODAY.isoformat(), "source": provider.pricing_urls[0]}
            lines.append(json.dumps(entry))
    version = importlib.metadata.version("genai-prices")
    head = f'"about": "US dollars per million tokens; collected by genai-prices {version}"'
    OUT.write_text("{" + head + ',\n"prices": [\n' + ",\n".join(lines) + "\n]}\n")
    print(len(lines), "prices")


if __name__ == "__main__":
    main()
