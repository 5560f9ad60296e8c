/**
 * Stands for `@daily-co/daily-js` in the bundle: Pipecat's transport names it for a media manager that
 * the page does not use, and which would load a program from elsewhere.
 */
export default {};
