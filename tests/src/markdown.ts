/** What the documentation tests read out of a Markdown file: fenced blocks, links, headings. */

export interface Block {
  /** The words after the opening fence: the language, then what the tests are told of the block. */
  info: string[];
  text: string;
  /** Line of the block's first line of text, from 1. */
  line: number;
}

export interface Link {
  target: string;
  line: number;
}

export interface Markdown {
  blocks: Block[];
  links: Link[];
  /** Anchors of the headings, as GitHub makes them. */
  anchors: Set<string>;
}

export function parseMarkdown(source: string): Markdown {
  const parsed: Markdown = { blocks: [], links: [], anchors: new Set() };
  let open: Block | undefined;
  const shown = source.replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, ""));
  shown.split("\n").forEach((text, i) => {
    const fence = /^```(.*)$/.exec(text);
    if (open) {
      if (fence) open = undefined;
      else open.text += `${text}\n`;
    } else if (fence) {
      open = { info: fence[1].trim().split(/\s+/), text: "", line: i + 2 };
      parsed.blocks.push(open);
    } else {
      const heading = /^#+ (.*)$/.exec(text);
      if (heading) parsed.anchors.add(anchor(heading[1]));
      const prose = text.replace(/`[^`]*`/g, "");
      for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) parsed.links.push({ target, line: i + 1 });
    }
  });
  return parsed;
}

function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}
