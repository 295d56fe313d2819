"""Claims row 0 of the key given in the store given, says "claimed", and holds it until killed.

python hold_claim.py STORE KEY
"""

import sys
import time

from reasoning.store import Store

store = Store.open(sys.argv[1])
assert store.claims.take(bytes.fromhex(sys.argv[2]), 0, "holder")
print("claimed", flush=True)
time.sleep(600)
