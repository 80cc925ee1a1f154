"""Serves with transformers and PEFT what was trained here, and runs the Python of the README as it stands.

Usage: served_logits.py FOLDER README.md

FOLDER/jobs.json: {"base": DIR, "classes": N, "ids": [[...], ...], "adapters": [NAME, ...]}. For each adapter there are
FOLDER/NAME, the adapter, and FOLDER/NAME-merged, the merged model; a NAME that begins with SEQ_CLS is a classifier.
Writes FOLDER/logits.safetensors: NAME.peft.I, the logits of text I with the adapter; NAME.unloaded.I after
merge_and_unload; NAME.folder.I of the merged model without PEFT. The blocks of Python in the README run one after the
other in FOLDER. What they call logits is readme.0 and so on, as (texts, classes or V); "train" is a function that
changes every trained parameter; what the last of them has saved answers each of its texts by itself in saved.I.
"""
import json
import os
import re
import sys

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

folder, readme = sys.argv[1:]
with open(readme, encoding="utf-8") as f:
    blocks = re.findall(r"```python\n(.*?)```", f.read(), re.DOTALL)
os.chdir(folder)
with open("jobs.json", encoding="utf-8") as f:
    jobs = json.load(f)
logits = {}


def load(name, path):
    if name.startswith("SEQ_CLS"):
        return AutoModelForSequenceClassification.from_pretrained(path, num_labels=jobs["classes"])
    return AutoModelForCausalLM.from_pretrained(path)


@torch.no_grad()
def answer(name, model):
    model.eval()
    for i, row in enumerate(jobs["ids"]):
        logits[f"{name}.{i}"] = model(input_ids=torch.tensor([row])).logits[0].contiguous()


for name in jobs["adapters"]:
    model = PeftModel.from_pretrained(load(name, jobs["base"]), name)
    answer(name + ".peft", model)
    answer(name + ".unloaded", model.merge_and_unload())
    answer(name + ".folder", load(name, name + "-merged"))


def train(model):
    generator = torch.Generator().manual_seed(7)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)


names = {"train": train}
for i, block in enumerate(blocks):
    exec(block, names)
    if "logits" in names:
        logits[f"readme.{i}"] = names.pop("logits").detach().contiguous()
    if "labels" in names:
        print(json.dumps(names.pop("labels")))
names["model"].eval()
with torch.no_grad():
    for i, text in enumerate(names["texts"]):
        tokens = names["tokenizer"](text, return_tensors="pt")
        logits[f"saved.{i}"] = names["model"](**tokens).logits[0].contiguous()
save_file(logits, "logits.safetensors")
