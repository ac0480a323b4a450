"""The measured table, written into docs/search.md between its marks."""
import re


def percent(share):
    return f"{share * 100:g} %"


def table(result):
    lines = ["| kept | look and place | rows | recall@10 (1st percentile) | ms, p50 | p95 | planner's own: ms (recall) | iterative: ms (recall) | exact: ms | fastest good one / ours |",
             "|" + " --- |" * 10]
    for cell in result["cells"]:
        tuned = f"{cell['tuned'][2]:.1f} ({cell['tuned'][1]:.2f}), {cell['tuned'][0].removeprefix('iterative ')}" if cell["tuned"] else "not run"
        lines.append(
            f"| {percent(cell['share'])} | {cell['relation']}{', dates' if cell['dates'] else ''} | {cell['kept']:,} | {cell['recall']:.3f} ({cell['recall1']:.2f}) | {cell['p50']:.1f} | {cell['p95']:.1f} "
            f"| {cell['planner'][1]:.1f} ({cell['planner'][0]:.2f}) | {tuned} | {cell['exact']:.1f} | {cell['ratio']:.2f} ({cell['fastest']}) |")
    short = sum(cell["short"] for cell in result["cells"])
    asked = result["questions"] * len(result["cells"])
    lines += ["", f"{short} short answers to {asked} questions."]
    if "merge" in result:
        lines += ["", f"Filling, rows/s: Tilescout's merge {result['merge']:,.0f}, plain COPY {result['copy']:,.0f}; HNSW, vectors/s: Tilescout {result['index']:,.0f}, plain {result['plain_index']:,.0f}."]
    return "\n".join(lines)


def write(result, path):
    """Replaces the text between the marks of this number of rows."""
    rows = result["rows"]
    start, end = f"<!-- measured {rows} -->", f"<!-- end {rows} -->"
    text = path.read_text()
    block = f"{start}\n{table(result)}\n{end}"
    if start in text:
        text = re.sub(re.escape(start) + ".*?" + re.escape(end), lambda _: block, text, flags=re.S)
    else:
        text += f"\n## {rows:,} tiles\n\n{block}\n"
    path.write_text(text)
