"""Loads a model folder with transformers and writes its logits: the check that what was written here is read there.

Usage: transformers_logits.py MODEL_DIR IDS.json OUT.safetensors

The class is the one that config.json names, and every tensor of the file must have its place in it and the other way
round. IDS.json is a list of lists of token ids. A language model computes them one by one: logits.0 (T, V), logits.1
and so on. A classifier computes them one by one too, logits.0 (classes), ..., and once more as one batch padded with
pad_token_id: padded (B, classes). Its labels are printed as a line of JSON.
"""
import json
import sys

import torch
import transformers
from safetensors.torch import save_file

folder, ids_file, out = sys.argv[1:]
with open(ids_file, encoding="utf-8") as f:
    ids = json.load(f)
config = transformers.AutoConfig.from_pretrained(folder)
(architecture,) = config.architectures
model, info = getattr(transformers, architecture).from_pretrained(
    folder, dtype=torch.float32, output_loading_info=True
)
faults = {kind: found for kind, found in info.items() if found}
if faults:
    sys.exit(f"loaded with faults: {faults}")
model.eval()
with torch.no_grad():
    logits = {
        f"logits.{i}": model(input_ids=torch.tensor([row])).logits[0].contiguous()
        for i, row in enumerate(ids)
    }
    if architecture == "GPT2ForSequenceClassification":
        longest = max(map(len, ids))
        padded = [row + [config.pad_token_id] * (longest - len(row)) for row in ids]
        logits["padded"] = model(input_ids=torch.tensor(padded)).logits.contiguous()
        labels = [config.id2label[i] for i in range(config.num_labels)]
        if [config.label2id[label] for label in labels] != list(range(len(labels))):
            sys.exit(f"label2id is not the inverse of id2label: {config.label2id}")
        print(json.dumps(labels))
save_file(logits, out)
