"""The second NetSuite double serves the main flow, so that the product's tests against it mean something."""

from __future__ import annotations

import aiohttp
import pytest

from tests.doubles.netsuite_double import NetSuiteDouble


async def test_the_second_double_serves_the_main_flow() -> None:
    """Look-up, authorisation, memo, application, receipt, closing and stock, with its own numbers and header names."""
    line = {"sku": "TEE", "item": "7", "quantity": 2, "gross": "80.00", "tax": "13.33", "tax_code": "5"}
    with NetSuiteDouble() as double:
        double.add_item("TEE", "7", {"1": 3})
        order = double.add_order("5001", [line], due=50.0)
        headers = {"Authorization": 'OAuth oauth_signature="x"', "Prefer": "transient"}
        async with aiohttp.ClientSession(f"{double.base_url}/services/rest/record/v1/", headers=headers) as http:

            async def made(method: str, path: str, body: object) -> str:
                async with http.request(method, path, json=body) as response:
                    assert response.status == 204, await response.text()
                    assert (b"location", response.headers["Location"].encode()) in response.raw_headers
                    return response.headers["Location"].rsplit("/", 1)[-1]

            async with http.get("salesOrder", params={"q": 'otherRefNum IS "5001"'}) as response:
                assert [item["id"] for item in (await response.json())["items"]] == [str(order)]
            row = {"orderLine": 1, "quantity": 1, "grossAmt": "40.00", "tax1Amt": "6.67"}
            body = {"externalId": "r1", "item": {"items": [row]}}
            authorisation = await made("POST", f"salesOrder/{order}/!transform/returnAuthorization?replace=item", body)
            body = {"externalId": "m1", "item": {"items": [row]}}
            source = f"returnAuthorization/{authorisation}/!transform"
            memo = await made("POST", f"{source}/creditMemo?replace=item", body)
            apply = {"apply": {"items": [{"apply": True, "doc": {"id": str(order + 1)}, "amount": 30}]}}
            await made("PATCH", f"creditMemo/{memo}", apply)
            async with http.patch(f"creditMemo/{memo}", json=apply) as response:
                assert response.status == 400
            async with http.post(f"{source}/itemReceipt?replace=item", json=body) as response:
                assert response.status == 400
            body = {"externalId": "i1", "item": {"items": [row | {"location": {"id": "1"}}]}}
            await made("POST", f"{source}/itemReceipt?replace=item", body)
            async with http.get(f"creditMemo/{memo}", params={"expandSubResources": "true"}) as response:
                shown = await response.json()
                assert (shown["total"], shown["unapplied"], shown["externalId"]) == (40.0, 10.0, "m1")
            await made("PATCH", f"returnAuthorization/{authorisation}", {"orderStatus": {"id": "H"}})
            statement = "SELECT SUM(quantityavailable) AS n FROM inventoryItemLocations WHERE item = '7'"
            async with http.post(
                f"{double.base_url}/services/rest/query/v1/suiteql", json={"q": statement}
            ) as response:
                assert float((await response.json())["items"][0]["n"]) == 3
        assert [one["type"] for one in double.documents()] == ["returnAuthorization", "creditMemo", "itemReceipt"]
        assert double.documents("returnAuthorization")[0]["status"]["refName"] == "Closed"
        assert int(authorisation) >= 90000


@pytest.mark.parametrize("authorization", ["", "Basic eDp5"])
async def test_the_second_double_wants_a_signed_call(authorization: str) -> None:
    """It looks for a signature, though it does not check it."""
    with NetSuiteDouble() as double:
        headers = {"Authorization": authorization}
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{double.base_url}/services/rest/record/v1/invoice", headers=headers) as response,
        ):
            assert response.status == 401
