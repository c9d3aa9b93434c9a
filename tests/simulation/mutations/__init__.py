"""The mistakes that the simulation has to find: one for each thing that the pipeline must not do."""

from __future__ import annotations

from tests.simulation.mutation import Mutation
from tests.simulation.mutations import adapter, decisions, dispatcher, sequencer

ALL: dict[str, Mutation] = {
    mutation.name: mutation
    for mutation in (*sequencer.MUTATIONS, *dispatcher.MUTATIONS, *decisions.MUTATIONS, *adapter.MUTATIONS)
}
