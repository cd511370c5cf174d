// The calls of blind ratings. What they give says nothing of which version a text is.

import { call } from "../shared/service.js";

export const ratings = {
  studies: () => call("GET", "ratings").then((answer) => answer.studies),
  task: (study, place) => call("GET", `ratings/${encodeURIComponent(study)}/${place}`),
  save: ({ study, place, rating }) => call("PUT", `ratings/${encodeURIComponent(study)}/${place}`, rating),
};
