#!/usr/bin/env python3
"""Makes examples/core/countries.csv and currencies.csv from Debian's iso-codes package: codes and names only.

Run it from the project's root after `apt-get install iso-codes`. Its output is committed, so that nobody needs to run it.
"""
import csv
import json
import pathlib

SOURCE = pathlib.Path("/usr/share/iso-codes/json")
TARGET = pathlib.Path("examples/core")

# ISO 4217 says the digits behind the point; iso-codes does not carry them. Everything else has two.
NO_DIGITS = set("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
THREE_DIGITS = set("BHD IQD JOD KWD LYD OMR TND".split())


def entries(standard):
    return json.loads((SOURCE / f"iso_{standard}.json").read_text(encoding="utf-8"))[standard]


def write(name, header, rows):
    with open(TARGET / name, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main():
    countries = sorted(entries("3166-1"), key=lambda one: one["alpha_2"])
    write("countries.csv", ["CountryId", "Alpha2", "Alpha3", "NumericCode", "Name", "OfficialName"],
          [[i, c["alpha_2"], c["alpha_3"], c["numeric"], c.get("common_name", c["name"]), c.get("official_name", "")]
           for i, c in enumerate(countries, 1)])
    currencies = sorted(entries("4217"), key=lambda one: one["alpha_3"])
    write("currencies.csv", ["CurrencyId", "Code", "NumericCode", "Name", "MinorUnits"],
          [[i, c["alpha_3"], c["numeric"], c["name"],
            0 if c["alpha_3"] in NO_DIGITS else 3 if c["alpha_3"] in THREE_DIGITS else 2]
           for i, c in enumerate(currencies, 1)])


if __name__ == "__main__":
    main()
