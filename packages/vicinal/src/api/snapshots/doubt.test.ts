/** A restore whose commit fails, so that nobody knows whether it counts. */
import { expect, test } from "vitest";
import { encodePayload } from "../../payload/json.js";
import { randomFrom, SimulatedDisk } from "../../storage/simulated-disk.test.helper.js";
import { Catalogue } from "../catalogue.js";
import { collectionConfig } from "../collections.js";
import { createCollection } from "../schema/index.js";
import { Snapshots } from "./snapshots.js";

function write(catalogue: Catalogue, id: number): Promise<number> {
  const vectors = [{ name: "", vector: { data: Float32Array.of(1, 2), norm: 1 } }];
  const points = [{ id, payload: encodePayload({}), vectors }];
  return catalogue.get("films").write({ readsState: false, resolve: () => [{ kind: "upsert", points }] });
}

test.each([1, 2])("%i failing commits leave the old collection or the restored one", async (failures) => {
  for (let seed = 1; seed <= 8; seed++) {
    const disk = new SimulatedDisk(randomFrom(seed));
    const catalogue = await Catalogue.open(disk);
    const config = createCollection.parse({ vectors: { size: 2, distance: "Dot" } });
    await catalogue.create("films", collectionConfig(config));
    const snapshots = new Snapshots(catalogue);
    await write(catalogue, 1);
    const { name } = await snapshots.create("films");
    await write(catalogue, 2);

    // The first commit allots the folder; the one after it exchanges, and the next puts back what was.
    let commits = 0;
    disk.intercept = (operation, path) => {
      if (operation !== "sync" || !path.startsWith("catalogue/")) return;
      commits++;
      if (commits > 1 && commits <= 1 + failures) throw new Error("the disk failed");
    };
    await expect(snapshots.recover("films", { location: name })).rejects.toThrow("the disk failed");
    expect(catalogue.get("films").state.pointCount).toBe(2);
    const wrote = await write(catalogue, 3).then(
      () => true,
      () => false,
    );
    expect(wrote).toBe(failures === 1);

    const again = await Catalogue.open(disk.afterCrash());
    const { pointCount } = again.get("films").state;
    expect(failures === 1 ? [3] : [1, 2], `seed ${seed}`).toContain(pointCount);
    await write(again, 4);
    await again.close();
  }
});
