"""The measured tables, written into docs/search.md between their marks."""
import re


def percent(share):
    return f"{share * 100:g} %"


def table(result):
    lines = ["| kept | look and place | rows | recall@10 (1st percentile) | ms, p50 | p95 | planner's own: ms (recall) | iterative: ms (recall) | exact: ms | fastest good one / ours |",
             "|" + " --- |" * 10]
    for cell in result["cells"]:
        tuned = f"{cell['tuned'][2]:.2f} ({cell['tuned'][1]:.2f}), {cell['tuned'][0].removeprefix('iterative ')}" if cell["tuned"] else "not run"
        lines.append(
            f"| {percent(cell['share'])} | {cell['relation']}{', dates' if cell['dates'] else ''} | {cell['kept']:,} | {cell['recall']:.3f} ({cell['recall1']:.2f}) | {cell['p50']:.2f} | {cell['p95']:.2f} "
            f"| {cell['planner'][1]:.2f} ({cell['planner'][0]:.2f}) | {tuned} | {cell['exact']:.2f} | {cell['ratio']:.2f} ({cell['fastest']}) |")
    short = sum(cell["short"] for cell in result["cells"])
    asked = result["questions"] * len(result["cells"])
    lines += ["", f"{short} short answers to {asked} questions."]
    if "merge" in result:
        lines += ["", f"Filling, rows/s: Tilescout's merge {result['merge']:,.0f}, publishing {result['publish']:,.0f}, plain COPY {result['copy']:,.0f}; index, vectors/s: Tilescout's lists {result['index']:,.0f}, plain pgvector's HNSW {result['plain_index']:,.0f}."]
    return "\n".join(lines)


def lance_table(result):
    """Of LanceDB's settings the fastest that reached recall 0.99, beside its flat search."""
    lines = ["| kept | tilescout | LanceDB, HNSW | LanceDB, exact | fastest of LanceDB / ours |", "|" + " --- |" * 5]
    for cell in result["cells"]:
        ours, flat = cell["tilescout"], cell["flat"]
        indexed = [cell[name] for name in cell if name.startswith("HNSW")]
        best = min([c for c in indexed if c[2] >= 0.99] or [max(indexed, key=lambda c: c[2])])
        fastest = min(c[0] for c in (best, flat) if c[2] >= 0.99)

        def text(c):
            return f"{c[0]:.1f} ({c[1]:.1f})" + ("" if c[2] >= 0.995 else f", recall {c[2]:.2f}")
        lines.append(f"| {percent(cell['share'])} | {text(ours)} | {text(best)} | {text(flat)} | {fastest / ours[0]:.1f} |")
    lines += ["", f"LanceDB {result['version']}, {result['rows']:,} rows; its HNSW over 8-bit scalars was built in {result['build_seconds']:.0f} s, some {result['rows'] / result['build_seconds']:,.0f} vectors a second."]
    return "\n".join(lines)


def replace(path, name, block, heading):
    """Puts a block between the marks of its name, or with a heading at the end."""
    start, end = f"<!-- measured {name} -->", f"<!-- end {name} -->"
    text = path.read_text()
    block = f"{start}\n{block}\n{end}"
    if start in text:
        text = re.sub(re.escape(start) + ".*?" + re.escape(end), lambda _: block, text, flags=re.S)
    else:
        text += f"\n## {heading}\n\n{block}\n"
    path.write_text(text)


def write(result, path):
    replace(path, result["rows"], table(result), f"{result['rows']:,} tiles")


def write_lance(result, path):
    replace(path, "LanceDB", lance_table(result), "Beside LanceDB")
