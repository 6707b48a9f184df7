"""A client of `items` as one would write it: makes an item, bids, and waits for who has it."""

import sys
import time

import requests

url = sys.argv[1]
end = int(time.time()) + 8

item = requests.post(f"{url}/item", json={"auction_end_date": end}).json()
assert isinstance(item, int) and item > 0, item


def bid(amount, user_id):
    return requests.post(f"{url}/item/{item}/bid", json={"amount": amount, "user_id": user_id})


def shown():
    return requests.get(f"{url}/item/{item}").json()


first = bid(43, 2)
assert first.ok and isinstance(first.json(), int), first.text
assert not bid(43, 3).ok, "an equal bid"
assert not bid(42, 3).ok, "a lower bid"
assert bid(44, 3).ok
assert bid(45, 0).status_code == 400, "nobody is user 0"
assert requests.get(f"{url}/item/{item + 1000}").status_code == 404

now = shown()
assert set(now) == {"id", "auction_end_date", "highest_bidder", "bids"}, now
assert now["id"] == item, now
assert isinstance(now["auction_end_date"], float) and now["auction_end_date"] == end, now
assert now["highest_bidder"] is None, now
assert all(set(one) == {"id", "amount", "item_id", "user_id"} for one in now["bids"]), now
assert [(one["amount"], one["user_id"], one["item_id"]) for one in now["bids"]] == [
    (43, 2, item),
    (44, 3, item),
], now

while time.time() < end + 0.2:
    time.sleep(0.1)
assert not bid(100, 2).ok, "a bid after the end"

# The job runs behind our back.
for _ in range(60):
    if shown()["highest_bidder"] is not None:
        break
    time.sleep(0.1)
best = max(shown()["bids"], key=lambda one: one["amount"])
assert shown()["highest_bidder"] is not None, "nobody certified it"
assert shown()["highest_bidder"] == best["user_id"], shown()
assert shown()["auction_end_date"] == end, "the end has moved"
print(f"user {best['user_id']} has it for {best['amount']}")
