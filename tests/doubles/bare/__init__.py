"""A NetSuite account without any custom field, written from the vendor's public documentation and for tests only.

It is the second double: it shares nothing with `adapters.netsuite.simulator`, and it shows less. Where the vendor has
several ways to say a thing it takes them in turns: numbers as text or with long fractions, sublists in another order,
names with or without their parent, fields left out where they are empty. It keeps a ledger of its own (`journal`) in
the form of CONTRACTS section 7, so that checks from outside can judge.

Sources: docs.oracle.com/en/cloud/saas/netsuite/ns-online-help (section_1545222128 filters, section_156414087576 pages,
section_156570709583 errors, section_1545141947 sublists, section_157901123882 transforms, article_69204612369 kits) and
the field names of public clients; how the vendor behaves in a return is in section_N1305008.
"""
