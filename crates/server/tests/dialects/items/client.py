"""A client of `items` as one would write it: makes an item, bids, and shows who leads."""

import sys
import time

import requests

url = sys.argv[1]

item = requests.post(f"{url}/item", json={"auction_end_date": int(time.time()) + 600}).json()
assert isinstance(item, int) and item > 0, item


def bid(amount, user_id):
    return requests.post(f"{url}/item/{item}/bid", json={"amount": amount, "user_id": user_id})


assert bid(43, 2).ok
assert not bid(43, 3).ok, "an equal bid"
assert not bid(42, 3).ok, "a lower bid"
assert bid(44, 3).ok
assert bid(45, 0).status_code == 400, "nobody is user 0"
assert requests.get(f"{url}/item/{item + 1000}").status_code == 404

shown = requests.get(f"{url}/item/{item}").json()
assert set(shown) == {"id", "auction_end_date", "highest_bidder", "bids"}, shown
assert isinstance(shown["auction_end_date"], float), shown
assert shown["highest_bidder"] is None, shown
assert all(set(one) == {"id", "amount", "item_id", "user_id"} for one in shown["bids"]), shown
best = max(shown["bids"], key=lambda one: one["amount"])
print(f"user {best['user_id']} leads with {best['amount']}")
