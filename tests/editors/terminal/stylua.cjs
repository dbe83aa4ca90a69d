// Prints the names of those of its arguments that StyLua would write otherwise.
const { readFileSync } = require('node:fs');
const [library, settings, ...files] = process.argv.slice(2);
const { Config, IndentType, OutputVerification, QuoteStyle, formatCode } = require(library);

const given = Object.fromEntries(
  [...readFileSync(settings, 'utf8').matchAll(/^(\w+) = "?(\w+)"?$/gm)].map(([, name, value]) => [name, value]),
);
for (const file of files) {
  // StyLua keeps the configuration that it is given.
  const config = Config.new();
  config.column_width = Number(given.column_width);
  config.indent_type = IndentType[given.indent_type];
  config.indent_width = Number(given.indent_width);
  config.quote_style = QuoteStyle[given.quote_style];
  const text = readFileSync(file, 'utf8');
  if (formatCode(text, config, undefined, OutputVerification.None) !== text) console.log(file);
}
