"""What a run is told and learns from: recipe, revisions, selection, its folder."""
