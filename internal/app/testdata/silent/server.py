import threading

print("thinking", flush=True)
threading.Event().wait()
