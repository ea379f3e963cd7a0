"""Makes reference.csv: what TA-Lib and pandas-ta say of generated candles.

    python3.12 -m venv venv && venv/bin/pip install TA-Lib==0.8.2 pandas-ta==0.4.71b0
    venv/bin/python reference.py > reference.csv

With a file of candles (csv with high, low, close) as its argument it makes a table of those instead, for
`LIQ_STUDIES=table cargo test -p liq-core --test studies`.
"""
import csv
import sys

import pandas
import pandas_ta
import talib

NAMES = ("sma_2 sma_14 ema_2 ema_14 rsi_2 rsi_14 atr_1 atr_14 adx_2 adx_14 bb_5_2_lower bb_5_2_middle bb_5_2_upper "
         "bb_20_1.5_lower bb_20_1.5_middle bb_20_1.5_upper stochrsi_14_14_3_3_k stochrsi_14_14_3_3_d "
         "stochrsi_5_8_2_4_k stochrsi_5_8_2_4_d").split()


def generated():
    """Candles of several kinds: a walk, the same in tiny prices, and one that stands still and rises without a fall."""
    state = 7

    def below(end):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 33) % end

    for kind, (close, step) in {"walk": (61755.7, 0.1), "tiny": (0.00001234, 1e-8)}.items():
        for _ in range(110):
            close = round(close + (below(401) - 200) * step * (3 if below(20) == 0 else 1) * (1 if kind == "walk" else 0.2), 9)
            yield kind, round(close + below(90) * step, 9), round(close - below(90) * step, 9), close
    close = 250.0
    for row in range(110):
        if 30 <= row < 80:
            close += 0.5
        elif row >= 95:
            close -= below(7) * 0.25
        yield "still", close, close if row < 50 else close - 0.25, close


def studies(high, low, close):
    """The columns of NAMES."""
    yield talib.SMA(close, 2)
    yield talib.SMA(close, 14)
    yield talib.EMA(close, 2)
    yield talib.EMA(close, 14)
    yield talib.RSI(close, 2)
    yield talib.RSI(close, 14)
    yield talib.ATR(high, low, close, 1)
    yield talib.ATR(high, low, close, 14)
    yield talib.ADX(high, low, close, 2)
    yield talib.ADX(high, low, close, 14)
    for length, width in ((5, 2.0), (20, 1.5)):
        upper, middle, lower = talib.BBANDS(close, length, width, width)
        yield from (lower, middle, upper)
    for rsi, length, k, d in ((14, 14, 3, 3), (5, 8, 2, 4)):
        found = pandas_ta.stochrsi(close, length=length, rsi_length=rsi, k=k, d=d)
        yield from (found.iloc[:, 0], found.iloc[:, 1])


def main():
    if len(sys.argv) > 1:
        rows = pandas.read_csv(sys.argv[1])
        table = [("file", *row) for row in rows[["high", "low", "close"]].itertuples(index=False)]
    else:
        table = list(generated())
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["kind", "high", "low", "close", *NAMES])
    for kind in dict.fromkeys(row[0] for row in table):
        rows = [row[1:] for row in table if row[0] == kind]
        high, low, close = (pandas.Series([row[at] for row in rows], dtype=float) for at in range(3))
        columns = [list(column) for column in studies(high, low, close)]
        for at, row in enumerate(rows):
            figures = [repr(float(column[at])) if column[at] == column[at] else "" for column in columns]
            out.writerow([kind, *map(repr, map(float, row)), *figures])


main()
