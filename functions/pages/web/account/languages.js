// The languages of the pages, each with its own name. The build fills this in from languages/.

export const languages = {{languages}};
