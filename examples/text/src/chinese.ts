/** Chinese texts by their words: the tokenizer `multilingual` finds them, where no space parts them. */
import type { Database } from "vicinal";

const collection = "chinese";

const texts = [
  "长城是中国古代的军事防御工程，全长超过两万公里。",
  "熊猫主要栖息在四川的山区，以竹子为食。",
  "茶起源于中国，绿茶和红茶的制作方法不同。",
  "上海是中国最大的城市之一，位于长江入海口。",
  "围棋起源于中国，棋盘上有十九条横线和十九条竖线。",
  "机器学习让计算机从数据中学习，向量数据库用来检索相似的内容。",
];

const wordsOf = (text: string) => ({
  text,
  model: "qdrant/bm25",
  options: { tokenizer: "multilingual", stopwords: {}, stemmer: { type: "none" }, avg_len: 12 },
});

export async function fillChinese(database: Database): Promise<void> {
  if ((await database.collectionExists(collection)).exists) return;
  await database.createCollection(collection, { sparse_vectors: { words: { modifier: "idf" } } });
  await database.upsert(collection, {
    points: texts.map((text, id) => ({ id, vector: { words: wordsOf(text) }, payload: { text } })),
  });
}

/** The texts that share words with the question, best first. */
export async function searchChinese(database: Database, question: string, limit = 3): Promise<string[]> {
  const { points } = await database.query(collection, {
    query: wordsOf(question),
    using: "words",
    limit,
    with_payload: true,
  });
  return points.map(({ payload }) => String(payload?.text));
}
